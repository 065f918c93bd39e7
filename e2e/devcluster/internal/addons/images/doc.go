// Package images is the add-on that serves guest images to the cluster.
//
// The images of package guest lie in a folder that every node sees; package imageserver describes how they are served.
// In the cluster their address is http://images.wukong-devcluster.svc/NAME.
package images
