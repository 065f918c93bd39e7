package wukongimage

import (
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/problem"
)

// importProblem returns why an import is not complete, from the phase of the DataVolume (CDI pkg/apis/core/v1beta1),
// or nil.
func importProblem(dataVolume *cdiv1.DataVolume) *notReady {
	switch dataVolume.Status.Phase {
	case cdiv1.Succeeded:
		return nil
	case cdiv1.Failed:
		return failed(v1alpha1.ReasonImportFailed, "%s", dvstate.FailureOf(dataVolume))
	case cdiv1.PhaseUnset, cdiv1.Pending:
		if reason, message := dvstate.ClaimRefused(dataVolume); message != "" {
			return failed(reason, "DataVolume %s: %s", dataVolume.Name, message)
		}
	default:
		if message := dvstate.ImporterSays(dataVolume); message != "" {
			return failed(v1alpha1.ReasonImportFailed,
				"DataVolume %s: importer pod: %s; it is retried (restarts so far: %d)",
				dataVolume.Name, message, dvstate.Restarts(dataVolume))
		}
	}
	return problem.In(v1alpha1.ImageImporting, v1alpha1.ReasonImporting,
		"DataVolume %s is being filled", dataVolume.Name)
}
