package wukong

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

// umbrella.Kinds and the deepest cause have one order: causes before consequences.
func TestKindsAreInTheOrderOfCauses(t *testing.T) {
	var kinds []string
	for _, kind := range umbrella.Kinds {
		if !kind.Operation {
			kinds = append(kinds, kind.Name)
		}
	}
	for i := 1; i < len(kinds); i++ {
		cause, consequence := of(kinds[i-1], "b", "Pending"), of(kinds[i], "a", "Pending")
		assert.Equal(t, kinds[i-1], model.Deepest(parts([]child{consequence, cause})).Kind, "before %s", kinds[i])
	}
}
