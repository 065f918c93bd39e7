// Command image-server serves the files of a folder over HTTP, for imports of guest images inside the dev cluster.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/internal/imageserver"
)

func main() {
	address := flag.String("listen", ":8080", "address to listen on")
	folder := flag.String("folder", "/images", "folder with the files")
	flag.Parse()
	server := &http.Server{Addr: *address, Handler: imageserver.New(*folder), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
