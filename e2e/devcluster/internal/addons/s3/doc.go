// Package s3 is the add-on that serves S3, for exports to a bucket and imports from one: versitygw on a folder.
//
// Its address in the cluster is s3.wukong-devcluster.svc:7070, over plain HTTP. It has one bucket, backups. Its region
// is "s3", because CDI takes the first label of the host name for the region (pkg/importer/s3-datasource.go,
// extractRegion). The credentials are in the Secret s3-credentials of the namespace wukong-devcluster, in the keys that
// a disk's source and an export's target read: accessKeyId and secretKey. They are known to everyone who reads this,
// and guard nothing. What is written is gone when its pod goes.
package s3
