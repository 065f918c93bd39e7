package suites

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../../.."

func TestAllAreFoundAndHaveABudget(t *testing.T) {
	all, err := All(root)
	require.NoError(t, err)
	assert.Subset(t, Names(all), []string{"core", "devcluster", "disks", "networks", "platform"})
	for _, one := range all {
		assert.Positive(t, one.Parallel, one.Name)
		budgets, err := ReadBudgets(root, one.Name)
		require.NoError(t, err)
		assert.Contains(t, budgets, "essential", "%s has no budget for make test", one.Name)
	}
	for name := range special {
		assert.Contains(t, Names(all), name, "what is special of a suite that does not exist")
	}
}

func TestChoose(t *testing.T) {
	all := []Suite{{Name: "core"}, {Name: "devcluster"}, {Name: "disks"}}
	chosen, err := Choose(all, []string{"disks", "core"})
	require.NoError(t, err)
	assert.Equal(t, []string{"core", "disks"}, Names(chosen))
	assert.Len(t, all, 3)
	chosen, err = Choose(all, nil)
	require.NoError(t, err)
	assert.Equal(t, all, chosen)
	_, err = Choose(all, []string{"disk"})
	assert.EqualError(t, err, `no suite "disk"; there are core, devcluster, disks`)
}

func TestNeeded(t *testing.T) {
	assert.Equal(t, NeedsNothing, Needed([]Suite{{Needs: NeedsNothing}}))
	assert.Equal(t, NeedsOperator, Needed([]Suite{{Needs: NeedsOperator}, {Needs: NeedsCluster}}))
}

func TestBudgetsThatAreWrong(t *testing.T) {
	for content, complaint := range map[string]string{
		`{"essential": {"minutes": 4, "guests": 3}}`: "unknown field",
		`{"all": {"minutes": 4, "boots": 3}}`:        `no depth "all"`,
		`{"whole": {"boots": 3}}`:                    "minutes are more than 0",
		`[]`:                                         "it is to be",
	} {
		_, err := parseBudgets([]byte(content))
		assert.ErrorContains(t, err, complaint, content)
	}
}

func TestSuiteWithoutBudget(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, Folder, "new"), 0o755))
	budgets, err := ReadBudgets(folder, "new")
	require.NoError(t, err)
	assert.Empty(t, budgets)
}

func TestBudgetExceeded(t *testing.T) {
	budget := Budget{Minutes: 4, Boots: 3}
	assert.Empty(t, budget.Exceeded(240, 3, 1))
	assert.Equal(t, []string{"takes 4.5 minutes, 4.0 are allowed", "boots 4 guests, 3 are allowed"},
		budget.Exceeded(270, 4, 1))
	assert.Empty(t, budget.Exceeded(270, 3, 1.5), "a slower machine may take longer")
	assert.Len(t, budget.Exceeded(0, 4, 5), 1, "but not boot more guests")
}
