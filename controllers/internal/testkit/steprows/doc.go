// Package steprows generates two tests for each step of a kind: one in which the API server refuses the write of the
// step, and one in which it answers 500, at least three times and until the object reports it.
//
//	func TestEachStepIsRefusedAndFails(t *testing.T) {
//		f := networks{testkit.New(t).Running("wukongnetwork")}
//		steprows.Run(t, f.Fixture, steprows.Table[*v1alpha1.WukongNetwork]{
//			Steps: wukongnetwork.Steps,
//			Rows:  map[string]steprows.Row[*v1alpha1.WukongNetwork]{"attachment": {...}},
//		})
//	}
//
// Each row checks what the object reports, that what does not need the step is done meanwhile, and that the object
// recovers when the fault ends. The steps are those of the list that the controller runs (pass.Steps.Names): a step
// without a row fails the test.
//
// All rows of a kind run at once, with one manager, each with an object of its own name. The names of all objects that
// a row writes begin with that name.
package steprows
