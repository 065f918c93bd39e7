package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
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
	command := exec.Command(program, "--kubeconfig="+kubeconfig, "--metrics-bind-address="+address,
		"--metrics-insecure", "--health-probe-bind-address=0")
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the manager: %w", err)
	}
	process := &managerProcess{command: command, log: log, address: address}
	deadline := time.Now().Add(startPatience)
	for {
		families, err := process.metrics(ctx)
		if err == nil && families["controller_runtime_active_workers"] != nil &&
			families["process_resident_memory_bytes"] != nil {
			return process, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			late := fmt.Errorf("the manager serves no metrics after %s; its log is %s", startPatience, logPath)
			return nil, errors.Join(late, err, process.stop())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (p *managerProcess) stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	err := p.command.Wait()
	return errors.Join(err, p.log.Close())
}

// families are the metrics at one time, by name.
type families map[string]*dto.MetricFamily

func (p *managerProcess) metrics(ctx context.Context) (families, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	// Only protobuf has native histograms, whose buckets are fine enough for a quantile: the others grow by factors of
	// ten.
	request.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the manager's metrics: %w", err)
	}
	defer response.Body.Close()
	decoder := expfmt.NewDecoder(response.Body, expfmt.ResponseFormat(response.Header))
	found := families{}
	for {
		family := &dto.MetricFamily{}
		switch err := decoder.Decode(family); {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, fmt.Errorf("read the manager's metrics: %w", err)
		}
		found[family.GetName()] = family
	}
}

// gauge returns the value of a metric without labels.
func (f families) gauge(name string) float64 {
	family := f[name]
	if family == nil || len(family.Metric) == 0 {
		return 0
	}
	return family.Metric[0].GetGauge().GetValue()
}

// quantile estimates a quantile of a native histogram, all label values together: linear within a bucket, which is a
// tenth wide. The counts of earlier are subtracted.
func (f families) quantile(name string, quantile float64, earlier families) time.Duration {
	counts := map[float64]float64{}
	add := func(family *dto.MetricFamily, sign float64) {
		for _, metric := range family.GetMetric() {
			for upper, count := range buckets(metric.GetHistogram()) {
				counts[upper] += sign * count
			}
		}
	}
	add(f[name], 1)
	add(earlier[name], -1)
	return seconds(interpolate(counts, quantile))
}

// buckets returns the counts of a native histogram by upper bound: bucket i of schema s ends at 2^(i/2^s), and each
// count is encoded as the difference to the previous one (github.com/prometheus/client_model,
// io.prometheus.client.Histogram).
func buckets(histogram *dto.Histogram) map[float64]float64 {
	counts := map[float64]float64{histogram.GetZeroThreshold(): float64(histogram.GetZeroCount())}
	growth := math.Exp2(math.Exp2(-float64(histogram.GetSchema())))
	index, next, count := int32(0), 0, int64(0)
	for _, span := range histogram.GetPositiveSpan() {
		index += span.GetOffset()
		for range span.GetLength() {
			count += histogram.GetPositiveDelta()[next]
			counts[math.Pow(growth, float64(index))] += float64(count)
			index, next = index+1, next+1
		}
	}
	return counts
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
