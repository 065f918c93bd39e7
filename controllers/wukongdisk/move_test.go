package wukongdisk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
)

// What the decision about a move is made from.
func TestMoveInputs(t *testing.T) {
	observed := func(change func(*observation)) diskmove.Inputs {
		o := &observation{importerServed: true, classFound: true, dataVolume: dataVolumeIn(cdiv1.Succeeded), claim: claimIn(corev1.ClaimBound)}
		change(o)
		return o.moveInputs(diskWith(ofClass("slow")))
	}
	in := observed(func(*observation) {})
	assert.True(t, in.Complete)
	assert.False(t, in.Grows)
	assert.Equal(t, "root", in.Copies.Current)
	assert.Equal(t, "slow", in.OtherClass())
	assert.Equal(t, "1Gi", in.RequestedSize.String())

	in = observed(func(o *observation) { o.dataVolume, o.claim = nil, inherited(corev1.ClaimBound) })
	assert.True(t, in.Complete, "CDI collected its DataVolume")
	assert.False(t, observed(func(o *observation) { o.dataVolume.Status.Phase = cdiv1.ImportInProgress }).Complete)
	assert.True(t, observed(func(o *observation) { o.claim = grown("2Gi", "", "1Gi") }).Grows)
	assert.Nil(t, (&observation{claim: foreignClaim(corev1.ClaimBound)}).growthInputs(diskWith()).Claim, "nor does it grow")
	foreign := observed(func(o *observation) { o.claim = foreignClaim(corev1.ClaimBound) })
	assert.Nil(t, foreign.Claim)
	assert.Empty(t, foreign.OtherClass(), "what is not the disk's does not move")
}
