// Package progress follows the movers: it holds one HTTP connection to each running mover, and keeps the last Report
// that the mover wrote.
package progress

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/mover"
)

// maxLine is the longest Report that is read, in bytes. The pod is not trusted.
const maxLine = 8192

// reconnect is how a broken connection to a mover is made again: for some minutes. A later pass over the export
// connects again.
var reconnect = wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.1, Steps: 8, Cap: 5 * time.Minute}

// Followers hold the connections. They live in memory only: a new manager connects again, and reads the current state
// at once.
type Followers struct {
	// Events ask for a pass over the exports whose mover reported something.
	Events chan event.GenericEvent
	client *http.Client

	mutex sync.Mutex
	// ctx ends with the manager; nil before it starts.
	ctx       context.Context
	followers map[types.UID]*follower
}

type follower struct {
	cancel context.CancelFunc
	report *mover.Report
}

var _ manager.LeaderElectionRunnable = &Followers{}

// New makes Followers without a connection.
func New() *Followers {
	transport := &http.Transport{
		DialContext:       (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		DisableKeepAlives: true, // one request, that lasts
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Followers{
		Events: make(chan event.GenericEvent, 64), followers: map[types.UID]*follower{},
		client: &http.Client{Transport: transport, CheckRedirect: noRedirect},
	}
}

// Start implements manager.Runnable.
func (f *Followers) Start(ctx context.Context) error {
	f.mutex.Lock()
	f.ctx = ctx
	f.mutex.Unlock()
	<-ctx.Done()
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a manager that does not lead does not reconcile.
func (f *Followers) NeedLeaderElection() bool { return true }

// Report is the last Report of the mover of a pod; nil before the first. It starts to follow a running pod.
func (f *Followers) Report(export *v1alpha1.WukongExport, pod *corev1.Pod) *mover.Report {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	known := f.followers[pod.UID]
	running := pod.Status.Phase == corev1.PodRunning && pod.Status.PodIP != "" && pod.DeletionTimestamp.IsZero()
	switch {
	case known == nil && running && f.ctx != nil:
		ctx, cancel := context.WithCancel(f.ctx)
		known = &follower{cancel: cancel}
		f.followers[pod.UID] = known
		go f.follow(ctx, export.DeepCopy(), pod.UID, address(pod))
	case known != nil && !running:
		f.forget(pod.UID)
	}
	if known == nil {
		return nil
	}
	return known.report
}

// forget is called with the mutex held.
func (f *Followers) forget(uid types.UID) {
	if known := f.followers[uid]; known != nil {
		known.cancel()
		delete(f.followers, uid)
	}
}

// Stop ends the connection to the mover of a pod.
func (f *Followers) Stop(uid types.UID) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.forget(uid)
}

func (f *Followers) follow(ctx context.Context, export *v1alpha1.WukongExport, uid types.UID, url string) {
	backoff := reconnect
	for backoff.Steps > 0 {
		_ = f.read(ctx, url, func(report *mover.Report) {
			backoff = reconnect
			f.mutex.Lock()
			if known := f.followers[uid]; known != nil {
				known.report = report
			}
			f.mutex.Unlock()
			select {
			case f.Events <- event.GenericEvent{Object: export}:
			case <-ctx.Done():
			}
		})
		timer := time.NewTimer(backoff.Step())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
	f.Stop(uid)
}

// read reads lines until the connection ends, and hands over each Report.
func (f *Followers) read(ctx context.Context, url string, hand func(*mover.Report)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	for lines.Scan() {
		report, err := mover.ParseReport(lines.Bytes())
		if err != nil {
			return err
		}
		hand(report)
	}
	return lines.Err()
}

// address is where the mover of a pod reports its progress.
func address(pod *corev1.Pod) string {
	port := mover.StatusPort
	for _, container := range pod.Spec.Containers {
		for _, one := range container.Ports {
			if container.Name == moverpod.ContainerName && one.Name == moverpod.StatusPortName {
				port = int(one.ContainerPort)
			}
		}
	}
	return "http://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(port)) + mover.StatusPath
}
