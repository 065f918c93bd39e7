package sandbox

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	restartDelay = time.Second
	dialInterval = 50 * time.Millisecond
)

// supervisor keeps the programs of a sandbox running and reaps every process that becomes an orphan inside.
type supervisor struct {
	spec Spec
	logs map[string]*os.File

	mutex   sync.Mutex
	running map[int]Program
}

func newSupervisor(spec Spec, logs map[string]*os.File) *supervisor {
	return &supervisor{spec: spec, logs: logs, running: map[int]Program{}}
}

func (s *supervisor) run() error {
	children := make(chan os.Signal, 16)
	signal.Notify(children, syscall.SIGCHLD)
	// Only the host's SIGKILL ends a sandbox.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	for _, program := range s.spec.Programs {
		go s.start(program)
	}
	for range children {
		s.reap()
	}
	return nil
}

// reap collects every process that has ended, and starts programs again. Several processes may share one SIGCHLD.
func (s *supervisor) reap() {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		s.mutex.Lock()
		program, ours := s.running[pid]
		delete(s.running, pid)
		s.mutex.Unlock()
		if ours {
			s.notef(program, "ended (%s), starts again", describe(status))
			time.AfterFunc(restartDelay, func() { s.start(program) })
		}
	}
}

func describe(status unix.WaitStatus) string {
	if status.Signaled() {
		return "signal " + status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

func (s *supervisor) start(program Program) {
	for _, address := range program.WaitFor {
		awaitAddress(address)
	}
	log := s.logs[program.Name].Fd()
	attributes := &syscall.ProcAttr{
		Dir:   "/",
		Env:   s.spec.Environment,
		Files: []uintptr{0, log, log},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	null, err := os.Open(os.DevNull)
	if err == nil {
		defer null.Close()
		attributes.Files[0] = null.Fd()
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	pid, err := syscall.ForkExec(program.Args[0], program.Args, attributes)
	if err != nil {
		s.notef(program, "cannot start: %v", err)
		time.AfterFunc(restartDelay, func() { s.start(program) })
		return
	}
	s.running[pid] = program
}

// notef writes a line of the supervisor's own into the log of a program.
func (s *supervisor) notef(program Program, format string, arguments ...any) {
	fmt.Fprintf(s.logs[program.Name], "=== %s %s: %s\n", time.Now().UTC().Format(time.RFC3339), program.Name,
		fmt.Sprintf(format, arguments...))
}

// awaitAddress waits until something accepts connections, or for an https address until it answers with success.
func awaitAddress(address string) {
	for !answers(address) {
		time.Sleep(dialInterval)
	}
}

// client asks only whether a server is ready, and says nothing: it need not know whom it talks to.
var client = &http.Client{
	Timeout:   time.Second,
	Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
}

func answers(address string) bool {
	if strings.HasPrefix(address, "https://") {
		answer, err := client.Get(address)
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
	network, place, _ := strings.Cut(address, ":")
	connection, err := net.DialTimeout(network, place, time.Second)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}
