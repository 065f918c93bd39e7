package wukongexport

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
	"github.com/novasphere/wukong/mover"
)

// maxLine is the longest Report that is read, in bytes. The pod is not trusted.
const maxLine = 8192

// reconnect is how a broken connection to a mover is made again: for some minutes, and anew when its pod changes.
var reconnect = wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.1, Steps: 8, Cap: 5 * time.Minute}

// followers hold one connection to each running mover, and keep the last line that each wrote. It lives in memory only: a new manager
// connects anew, and hears the current state at once.
type followers struct {
	// events asks for a look at the exports whose mover said something.
	events chan event.GenericEvent
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

var _ manager.LeaderElectionRunnable = &followers{}

func newFollowers() *followers {
	transport := &http.Transport{
		DialContext:       (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		DisableKeepAlives: true, // one request, that lasts
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &followers{
		events: make(chan event.GenericEvent, 64), followers: map[types.UID]*follower{},
		client: &http.Client{Transport: transport, CheckRedirect: noRedirect},
	}
}

// Start implements manager.Runnable.
func (f *followers) Start(ctx context.Context) error {
	f.mutex.Lock()
	f.ctx = ctx
	f.mutex.Unlock()
	<-ctx.Done()
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: who does not lead does not reconcile.
func (f *followers) NeedLeaderElection() bool { return true }

// report is what a pod's mover said last, nil for nothing yet. A running pod is followed from the first time on that it is asked for.
func (f *followers) report(export *v1alpha1.WukongExport, pod *corev1.Pod) *mover.Report {
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
func (f *followers) forget(uid types.UID) {
	if known := f.followers[uid]; known != nil {
		known.cancel()
		delete(f.followers, uid)
	}
}

// stop ends the following of a pod that is gone.
func (f *followers) stop(uid types.UID) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.forget(uid)
}

func (f *followers) follow(ctx context.Context, export *v1alpha1.WukongExport, uid types.UID, url string) {
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
			case f.events <- event.GenericEvent{Object: export}:
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
	f.stop(uid)
}

// read reads lines until the connection ends.
func (f *followers) read(ctx context.Context, url string, say func(*mover.Report)) error {
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
		say(report)
	}
	return lines.Err()
}

// address is where a pod's mover tells of its work.
func address(pod *corev1.Pod) string {
	port := mover.StatusPort
	for _, container := range pod.Spec.Containers {
		for _, one := range container.Ports {
			if container.Name == containerName && one.Name == "status" {
				port = int(one.ContainerPort)
			}
		}
	}
	return "http://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(port)) + mover.StatusPath
}

// terminationReport is what the pod's mover left at its end; nil while it runs, or when it could not leave anything.
func terminationReport(pod *corev1.Pod) *mover.Report {
	for _, status := range pod.Status.ContainerStatuses {
		if end := status.State.Terminated; end != nil && status.Name == containerName {
			if report, err := mover.ParseReport([]byte(end.Message)); err == nil {
				return report
			}
		}
	}
	return nil
}
