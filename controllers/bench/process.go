package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// managerProcess is the running manager program.
type managerProcess struct {
	command *exec.Cmd
	log     *os.File
	address string
}

func startManager(ctx context.Context, program, kubeconfig, logPath string) (*managerProcess, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, "--kubeconfig="+kubeconfig, "--metrics-bind-address="+address, "--metrics-insecure",
		"--health-probe-bind-address=0")
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the manager: %w", err)
	}
	process := &managerProcess{command: command, log: log, address: address}
	deadline := time.Now().Add(startPatience)
	for {
		families, err := process.metrics(ctx)
		if err == nil && families["controller_runtime_active_workers"] != nil && families["process_resident_memory_bytes"] != nil {
			return process, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return nil, errors.Join(fmt.Errorf("the manager serves no metrics after %s; its log is %s", startPatience, logPath), err, process.stop())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (p *managerProcess) stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	err := p.command.Wait()
	return errors.Join(err, p.log.Close())
}

// families are the metrics of one moment, by name.
type families map[string]*dto.MetricFamily

func (p *managerProcess) metrics(ctx context.Context) (families, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the manager's metrics: %w", err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

// gauge is the value of a metric without labels.
func (f families) gauge(name string) float64 {
	family := f[name]
	if family == nil || len(family.Metric) == 0 {
		return 0
	}
	return family.Metric[0].GetGauge().GetValue()
}

// quantile estimates a quantile of a histogram, all label values together, as Prometheus does: linear within a bucket. Buckets that earlier
// counted are taken off.
func (f families) quantile(name string, quantile float64, earlier families) time.Duration {
	counts := map[float64]float64{}
	add := func(family *dto.MetricFamily, sign float64) {
		for _, metric := range family.GetMetric() {
			for _, bucket := range metric.GetHistogram().GetBucket() {
				counts[bucket.GetUpperBound()] += sign * float64(bucket.GetCumulativeCount())
			}
		}
	}
	add(f[name], 1)
	add(earlier[name], -1)
	return seconds(interpolate(counts, quantile))
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
