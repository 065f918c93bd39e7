package index

import (
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Kinds that a disk is cloned from.
const (
	KindDisk           = "WukongDisk"
	KindClaim          = "PersistentVolumeClaim"
	KindSnapshot       = "VolumeSnapshot"
	KindImage          = "WukongImage"
	KindWukongSnapshot = "WukongSnapshot"
)

// Origin is the object that a disk is cloned from.
type Origin struct{ Kind, Namespace, Name string }

// String is the origin for messages, as kind namespace/name.
func (o Origin) String() string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// Key is the value by which DiskByOrigin finds the clones.
func (o Origin) Key() string { return strings.Join([]string{o.Kind, o.Namespace, o.Name}, "/") }

// OriginOf returns what a disk is cloned from; ok is false for a disk that is no clone.
func OriginOf(disk *v1alpha1.WukongDisk) (origin Origin, ok bool) {
	switch source := disk.Spec.Source; {
	case source == nil:
		return Origin{}, false
	case source.Clone != nil:
		origin = Origin{source.Clone.Kind, source.Clone.Namespace, source.Clone.Name}
	case source.Snapshot != nil:
		origin = Origin{source.Snapshot.Kind, source.Snapshot.Namespace, source.Snapshot.Name}
	case source.Image != nil:
		origin = Origin{KindImage, source.Image.Namespace, source.Image.Name}
	default:
		return Origin{}, false
	}
	if origin.Namespace == "" {
		origin.Namespace = disk.Namespace
	}
	return origin, true
}

func diskOrigin(obj client.Object) []string {
	if origin, ok := OriginOf(obj.(*v1alpha1.WukongDisk)); ok {
		return []string{origin.Key()}
	}
	return nil
}
