package argocd

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers"
)

// The script runs in the interpreter that Argo CD uses, on objects as 'kubectl get -o yaml' shows them.
func TestHealth(t *testing.T) {
	script, err := os.ReadFile("health.lua")
	require.NoError(t, err)
	for name, example := range map[string]struct{ object, health, message string }{
		"running": {`{metadata: {generation: 1}, status: {phase: Running, conditions: [
			{type: DisksReady, status: "False", reason: WaitingForDisk}, {type: Ready, status: "True", ` +
			`reason: Running, message: "", observedGeneration: 1}]}}`,
			"Healthy", "Running"},
		"stopped as asked": {object("Stopped", "True", "Stopped"), "Healthy", "cause"},
		"no status at all": {`{metadata: {generation: 1}}`, "Progressing", "its controller has not looked at it yet"},
		"status of an older spec": {`{metadata: {generation: 2}, status: {phase: Running, conditions: [{type: Ready, ` +
			`status: "True", reason: Running, observedGeneration: 1}]}}`,
			"Progressing", "its controller has not looked at the new spec yet"},
		"being deleted": {`{metadata: {generation: 1, deletionTimestamp: "2026-01-01T00:00:00Z"}, ` +
			`status: {phase: Terminating, conditions: [
			{type: Ready, status: "False", reason: InUse, message: cause}]}}`, "Progressing", "cause"},
		"pending":                            {object("Pending", "False", "Pending"), "Progressing", "cause"},
		"starting":                           {object("Starting", "False", "Starting"), "Progressing", "cause"},
		"importing":                          {object("Importing", "False", "Importing"), "Progressing", "cause"},
		"waits for a disk":                   {object("Creating", "False", "WaitingForDisk"), "Progressing", "cause"},
		"waits for a disk that has an error": {object("Error", "False", "WaitingForDisk"), "Degraded", "cause"},
		"import failed":                      {object("Error", "False", "ImportFailed"), "Degraded", "cause"},
		"waits for its first machine": {object("AwaitingConsumer", "False", "AwaitingConsumer"),
			"Healthy", "cause"},
		"application without children":        {object("Pending", "Unknown", "NoChildren"), "Healthy", "cause"},
		"application with a child that waits": {object("Creating", "False", "ChildNotReady"), "Progressing", "cause"},
		"application with a child in error":   {object("Error", "False", "ChildNotReady"), "Degraded", "cause"},
		"paused":                              {object("Paused", "False", "Paused"), "Suspended", "cause"},
		"shut down from inside":               {object("Stopped", "False", "GuestShutDown"), "Suspended", "cause"},
	} {
		t.Run(name, func(t *testing.T) {
			health, message := judge(t, string(script), example.object)
			assert.Equal(t, example.health, health)
			assert.Equal(t, example.message, message)
		})
	}
}

func TestTheConfigMapHasTheScriptForEveryKind(t *testing.T) {
	script, err := os.ReadFile("health.lua")
	require.NoError(t, err)
	text, err := os.ReadFile("argocd-cm.yaml")
	require.NoError(t, err)
	var patch struct {
		Data map[string]string `json:"data"`
	}
	require.NoError(t, yaml.UnmarshalStrict(text, &patch))
	expected := map[string]string{}
	for _, kind := range controllers.Kinds {
		if _, reports := kind.Object.(v1alpha1.Object); reports {
			expected["resource.customizations.health.vm.novasphere.dev_"+kind.Type()] = string(script)
		}
	}
	assert.Equal(t, expected, patch.Data)
}

func object(phase, ready, reason string) string {
	return `{metadata: {generation: 1}, status: {phase: ` + phase + `, conditions: [
		{type: Ready, status: "` + ready + `", reason: ` + reason + `, message: cause, observedGeneration: 1}]}}`
}

// judge runs the script as Argo CD does: with the object as the global obj, and a table as the result.
func judge(t *testing.T, script, object string) (health, message string) {
	t.Helper()
	var fields map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(object), &fields))
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("obj", toLua(state, fields))
	require.NoError(t, state.DoString(script))
	result, isTable := state.Get(-1).(*lua.LTable)
	require.True(t, isTable, "the script returns a table")
	return result.RawGetString("status").String(), result.RawGetString("message").String()
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, field := range value {
			table.RawSetString(key, toLua(state, field))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, element := range value {
			table.Append(toLua(state, element))
		}
		return table
	case string:
		return lua.LString(value)
	case float64:
		return lua.LNumber(value)
	case bool:
		return lua.LBool(value)
	default:
		return lua.LNil
	}
}
