// Package loop controls loop devices: block devices over files. They belong to the machine and not to a namespace, so
// nothing but Detach, or the end of their last user where they were attached with AutoClear, ends them.
//
// A device is known by device and inode of its file: the kernel shows the file's path as a container saw it.
package loop
