package testkit

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"sync"
	"time"
)

// PatienceVariable multiplies how long waits last, for a host that is slow or busy.
const PatienceVariable = "WUKONG_PATIENCE"

const (
	// usualPatience is how long a wait lasts before it fails, unless it says otherwise.
	usualPatience = time.Minute
	// interval is the time between two attempts of a wait.
	interval = 25 * time.Millisecond
)

// factor is read once: all waits of a run are multiplied alike.
var factor = sync.OnceValues(func() (float64, error) { return parseFactor(os.Getenv(PatienceVariable)) })

// parseFactor reads the variable. A factor below 1 counts as 1.
func parseFactor(text string) (float64, error) {
	if text == "" {
		return 1, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("%s is %q, which is no number: set it to one such as 1.5, or unset it",
			PatienceVariable, text)
	}
	return max(1, value), nil
}

// scaled returns a duration times the factor. Main has refused a variable that cannot be read.
func scaled(usual time.Duration) time.Duration {
	by, err := factor()
	if err != nil {
		panic(err)
	}
	return time.Duration(by * float64(usual))
}
