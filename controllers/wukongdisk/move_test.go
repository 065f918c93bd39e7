package wukongdisk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// The decision about a move gets only storage that is the disk's.
func TestMoveInputs(t *testing.T) {
	observed := func(change func(*observation)) diskmove.Inputs {
		o := settled()
		change(&o)
		return o.of(diskWith(ofClass("slow"))).moveInputs()
	}
	in := observed(func(*observation) {})
	assert.True(t, in.Complete)
	assert.False(t, in.Grows)
	assert.Equal(t, "root", in.Copies.Current)
	assert.Equal(t, "slow", in.OtherClass())
	assert.Equal(t, "1Gi", in.RequestedSize.String())

	in = observed(func(o *observation) { o.DataVolume, o.Claim = nil, inherited(corev1.ClaimBound) })
	assert.True(t, in.Complete, "CDI collected its DataVolume")
	assert.False(t, observed(func(o *observation) { o.DataVolume.Status.Phase = cdiv1.ImportInProgress }).Complete)
	assert.True(t, observed(func(o *observation) { o.Claim = growing("2Gi", "1Gi") }).Grows)
	unmanaged := observation{View: backing.View{Claim: foreignClaim(corev1.ClaimBound)}}
	assert.Nil(t, unmanaged.of(diskWith()).growthInputs().Claim, "nor does it grow")
	foreign := observed(func(o *observation) { o.Claim = foreignClaim(corev1.ClaimBound) })
	assert.Nil(t, foreign.Claim)
	assert.Empty(t, foreign.OtherClass(), "what is not the disk's does not move")
}
