// Command guest-agent configures the tiny guest of the dev cluster and follows its devices; see the package guestagent.
// Its other modes are tools for tests:
//
//	guest-agent meter take|give [ADDRESS]     receives or sends for 8 seconds on TCP port 9000, with whoever connects
//	                                          or to an address. Who takes prints bits per second
//	guest-agent connect ADDRESS PORT SECONDS  fails unless the TCP port accepts a connection within the time
//
// Linked as meter or connect, it needs no first argument.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/internal/guestagent"
)

func main() {
	log.SetFlags(0)
	arguments := os.Args[1:]
	if called := filepath.Base(os.Args[0]); called == "meter" || called == "connect" {
		arguments = append([]string{called}, arguments...)
	}
	if err := run(arguments); err != nil {
		log.Fatal(err)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "run":
		return guestagent.Run()
	case len(arguments) > 1 && arguments[0] == "meter":
		return meter(arguments[1], arguments[2:])
	case len(arguments) == 4 && arguments[0] == "connect":
		seconds, err := strconv.ParseFloat(arguments[3], 64)
		if err != nil {
			return fmt.Errorf("connect: %q is no number of seconds", arguments[3])
		}
		return guestagent.Connect(arguments[1], arguments[2], time.Duration(seconds*float64(time.Second)))
	default:
		return fmt.Errorf("usage: guest-agent run | meter take|give [ADDRESS] | connect ADDRESS PORT SECONDS")
	}
}

func meter(direction string, rest []string) error {
	address := ""
	if len(rest) > 0 {
		address = rest[0]
	}
	rate, err := guestagent.Meter(direction, address, guestagent.MeterPort, guestagent.MeterTime)
	if err == nil && direction == "take" {
		fmt.Println(rate)
	}
	return err
}
