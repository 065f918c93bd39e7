// Command image-server serves the files of a folder over HTTP and HTTPS, for imports of guest images inside the dev
// cluster, and relays connections to other servers badly, for exports.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/internal/imageserver"
	"github.com/novasphere/wukong/e2e/devcluster/internal/pki"
	"github.com/novasphere/wukong/e2e/devcluster/internal/relay"
)

func main() {
	address := flag.String("listen", ":8080", "address to listen on")
	secureAddress := flag.String("listen-tls", ":8443", "address to listen on with TLS")
	hosts := flag.String("hosts", "localhost", "names in the certificate, with commas")
	folder := flag.String("folder", "/images", "folder with the files")
	limit := flag.Int64("relay-limit", 0,
		"how many bytes a client may send by one connection of the relays that follow, before it is cut")
	var relays []relay.Relay
	flag.Func("relay", "LISTEN=TARGET: pass TCP connections on, and cut them; as often as wanted",
		func(text string) error {
			one, err := relay.Parse(text, *limit)
			relays = append(relays, one)
			return err
		})
	flag.Parse()
	log.Fatal(serve(*address, *secureAddress, strings.Split(*hosts, ","), *folder, relays))
}

func serve(address, secureAddress string, hosts []string, folder string, relays []relay.Relay) error {
	authority, err := pki.NewAuthority("images")
	if err != nil {
		return err
	}
	pair, err := authority.Issue(pki.Request{Name: hosts[0], Hosts: hosts})
	if err != nil {
		return err
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		return fmt.Errorf("read the certificate of %v: %w", hosts, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ca.crt", func(writer http.ResponseWriter, _ *http.Request) {
		_, _ = writer.Write(authority.Certificate)
	})
	mux.Handle("/", imageserver.New(folder))
	plain := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	secure := &http.Server{
		Addr: secureAddress, Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	ended := make(chan error, 2+len(relays))
	for _, one := range relays {
		go func() { ended <- one.ListenAndServe() }()
	}
	go func() { ended <- plain.ListenAndServe() }()
	go func() { ended <- secure.ListenAndServeTLS("", "") }()
	return <-ended
}
