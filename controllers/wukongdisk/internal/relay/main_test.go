package relay

import (
	"testing"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func TestMain(m *testing.M) { keeptest.Main(m) }
