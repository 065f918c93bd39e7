package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/novasphere/wukong/e2e/internal/console"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

func main() {
	cluster, err := harness.Connect()
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	guest, err := console.Shell(ctx, cluster.Config, os.Args[1], os.Args[2], os.Stderr)
	if err != nil {
		panic(err)
	}
	out, err := guest.Run(ctx, os.Args[3])
	fmt.Println(out, err)
}
