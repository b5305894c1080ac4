// Command testpod is all that the image of the self-test holds: a server and a client, in one static file.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	accountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"
	timeout          = 10 * time.Second
)

// serve answers with what it wrote to its volume.
func serve(directory, address string) error {
	if err := os.WriteFile(filepath.Join(directory, "answer"), []byte("served"), 0o644); err != nil {
		return err
	}
	fmt.Println("started")
	return http.ListenAndServe(address, http.FileServer(http.Dir(directory)))
}

// get trusts the cluster's authority and shows its service account's token to whatever speaks TLS.
func get(url string) error {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: timeout}
	if strings.HasPrefix(url, "https://") {
		authority, err := os.ReadFile(filepath.Join(accountDirectory, "ca.crt"))
		if err != nil {
			return err
		}
		token, err := os.ReadFile(filepath.Join(accountDirectory, "token"))
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(authority)
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
		request.Header.Set("Authorization", "Bearer "+string(token))
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	fmt.Println(string(body))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return nil
}

func lookup(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(addresses, "\n"))
	return nil
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 3 && arguments[0] == "serve":
		return serve(arguments[1], arguments[2])
	case len(arguments) == 2 && arguments[0] == "get":
		return get(arguments[1])
	case len(arguments) == 2 && arguments[0] == "lookup":
		return lookup(arguments[1])
	case len(arguments) == 1 && arguments[0] == "wait":
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		<-ended
		return nil
	}
	return fmt.Errorf("allowed: serve DIRECTORY ADDRESS, get URL, lookup NAME, wait")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testpod:", err)
		os.Exit(1)
	}
}
