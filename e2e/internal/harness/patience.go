package harness

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// patienceVariable says how much longer than on the reference machine everything takes here, as a decimal number. 'make
// test' measures it.
const patienceVariable = "WUKONG_PATIENCE"

// How long tests wait on the reference machine before they fail: guests may be emulated, beside other guests, so that
// only what hangs comes near. What waits makes them as long as this machine needs, see Scaled.
const (
	ImportAndBoot = 10 * time.Minute
	Patience      = 5 * time.Minute
)

// slowness is by how much every patience is longer than written: at least 1. Without the variable it is 1 until Main
// has measured it.
var slowness = givenSlowness()

func givenSlowness() float64 {
	factor, _ := parseSlowness(os.Getenv(patienceVariable)) // Main tells what is wrong with it
	return factor
}

// Scaled is a patience as it is on this machine.
func Scaled(patience time.Duration) time.Duration {
	return time.Duration(float64(patience) * slowness).Round(time.Second)
}

// told is a patience for a message, with the factor that made it so long.
func told(patience time.Duration) string {
	if slowness == 1 {
		return patience.String()
	}
	return fmt.Sprintf("%s (%.2f times as long as on the reference machine)", Scaled(patience), slowness)
}

// calibrate sets the slowness: what the variable says, else what the start of a guest says.
func calibrate(c *Cluster) error {
	text := os.Getenv(patienceVariable)
	if text == "" {
		spent, err := c.bootTiny(context.Background())
		if err != nil {
			return fmt.Errorf("calibrate: %w", err)
		}
		slowness = max(1, spent.Seconds()/referenceBoot.Seconds())
		record(event{Event: "calibration", Seconds: spent.Seconds(), Factor: slowness})
		fmt.Printf("a tiny guest boots in %s: every patience is %.2f times as long as on the reference machine\n",
			spent.Round(100*time.Millisecond), slowness)
		return nil
	}
	factor, err := parseSlowness(text)
	slowness = factor
	return err
}

func parseSlowness(text string) (float64, error) {
	factor, err := strconv.ParseFloat(text, 64)
	if err != nil || !(factor > 0 && factor < 100) {
		return 1, fmt.Errorf("%s is %q; it is a number between 0 and 100, such as 1.5, and 1 for the reference machine",
			patienceVariable, text)
	}
	return max(1, factor), nil
}
