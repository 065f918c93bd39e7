package wukong

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWorst(t *testing.T) {
	tests := map[string]struct {
		children []child
		cause    string // "kind name"; empty when all is ready
	}{
		"nobody":                                                {nil, ""},
		"all is ready":                                          {[]child{vm("Running"), disk("Ready")}, ""},
		"the disk is why the machine waits":                     {[]child{vm("Pending"), disk("Importing")}, "WukongDisk root"},
		"the network comes before the disk":                     {[]child{disk("Pending"), network("Pending")}, "WukongNetwork lan"},
		"an error counts more than a wait":                      {[]child{vm("Error"), disk("Importing")}, "WukongVM web"},
		"a disk's error counts more than a machine's":           {[]child{vm("Error"), disk("Error")}, "WukongDisk root"},
		"a disk that waits for its machine does not explain it": {[]child{vm("Starting"), disk("AwaitingConsumer")}, "WukongVM web"},
		"alone it does":                                         {[]child{vm("Stopped"), disk("AwaitingConsumer")}, "WukongDisk root"},
		"what goes explains least":                              {[]child{vm("Starting"), going(disk("Ready"))}, "WukongVM web"},
		"not looked at yet counts as waiting":                   {[]child{vm(""), disk("Ready")}, "WukongVM web"},
		"of two alike the first name":                           {[]child{of("WukongVM", "b", "Error"), of("WukongVM", "a", "Error")}, "WukongVM a"},
		"the order of the list has no meaning":                  {[]child{of("WukongVM", "a", "Error"), of("WukongVM", "b", "Error")}, "WukongVM a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := worst(test.children)
			if test.cause == "" {
				assert.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, test.cause, found.kind+" "+found.name)
		})
	}
}

func TestExplain(t *testing.T) {
	failed := vm("Error")
	failed.ready.Message = "WukongDisk web-root: DataVolume web-root: importer pod: 404"
	assert.Equal(t, "WukongVM web: WukongDisk web-root: DataVolume web-root: importer pod: 404", explain(&failed))

	silent := vm("Error")
	silent.ready.Message, silent.ready.Reason = "", "MachineFailed"
	assert.Equal(t, "WukongVM web: MachineFailed", explain(&silent))
}
