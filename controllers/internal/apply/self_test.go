package apply

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func umbrellaReference(uid types.UID) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Wukong", Name: "shop", UID: uid}
}

func TestMetadataSettled(t *testing.T) {
	shop, other := umbrellaReference("shop-uid"), umbrellaReference("other-uid")
	vm := metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM", Name: "web", UID: "web-uid",
	}

	tests := map[string]struct {
		finalizers []string
		owners     []metav1.OwnerReference
		wanted     Metadata
		settled    bool
	}{
		"nothing wanted, nothing there": {settled: true},
		"a Wukong of another API": {
			owners: []metav1.OwnerReference{{APIVersion: "example.com/v1", Kind: "Wukong", Name: "shop"}}, settled: true,
		},
		"a finalizer is missing": {wanted: Metadata{Finalizer: "a"}},
		"a finalizer is there, and others": {finalizers: []string{"b", "a"},
			wanted: Metadata{Finalizer: "a"}, settled: true},
		"the umbrella is missing": {wanted: Metadata{Umbrella: &shop}},
		"the umbrella is there": {owners: []metav1.OwnerReference{shop},
			wanted: Metadata{Umbrella: &shop}, settled: true},
		"the umbrella and another owner": {owners: []metav1.OwnerReference{vm, shop},
			wanted: Metadata{Umbrella: &shop}, settled: true},
		"another umbrella": {owners: []metav1.OwnerReference{other}, wanted: Metadata{Umbrella: &shop}},
		"two umbrellas": {owners: []metav1.OwnerReference{shop, other},
			wanted: Metadata{Umbrella: &shop}},
		"an umbrella that is not wanted":    {owners: []metav1.OwnerReference{shop}},
		"owners of other kinds are no news": {owners: []metav1.OwnerReference{vm}, settled: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Finalizers: test.finalizers,
				OwnerReferences: test.owners}}
			assert.Equal(t, test.settled, metadataSettled(disk, test.wanted))
		})
	}
}
