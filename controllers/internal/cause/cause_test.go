package cause

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

func TestGraverBlocksWhenEitherDoes(t *testing.T) {
	waiting, wrong := &Cause{Reason: "A", Waiting: true, Blocking: true}, &Cause{Reason: "B"}
	for _, result := range []*Cause{Graver(waiting, wrong), Graver(wrong, waiting)} {
		assert.Equal(t, "B", result.Reason, "an error is told before a wait")
		assert.True(t, result.Blocking, "and the claim that is not known yet still blocks")
	}
	assert.Nil(t, Graver(nil, nil))
	assert.Equal(t, wrong, Graver(nil, wrong))
}

func TestARefusedWriteIsACause(t *testing.T) {
	refused := Refused(&apply.RefusedError{Kind: "Secret", Name: "web", Err: errors.New("exceeded quota")})
	assert.Equal(t, &Cause{Reason: v1alpha1.ReasonApplyRefused, Message: "Secret web: exceeded quota"}, refused)
}
