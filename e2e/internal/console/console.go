// Package console talks to a guest over its serial console, as 'virtctl console' does: a websocket of the KubeVirt API
// server.
//
// It is how tests learn what is true inside a guest, rather than what our own status says of it.
package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"k8s.io/client-go/rest"
)

// Console is an open serial console.
type Console struct {
	socket     *websocket.Conn
	seen       text
	transcript io.Writer
	// chunks is closed after the last one, when the connection has ended for the reason in failure.
	chunks  chan []byte
	failure error
	// heard is when the guest printed something last.
	heard time.Time
	// typed counts the commands, so that no answer is taken for that to another.
	typed int
}

// handshakePatience is how long a connection may take to be made: a request may be lost between the API server,
// virt-api and virt-handler, and then nobody answers.
const handshakePatience = 30 * time.Second

// Open connects to the serial console of a VirtualMachineInstance. What the guest prints is also written to transcript,
// if that is not nil.
func Open(ctx context.Context, config *rest.Config, namespace, name string, transcript io.Writer) (*Console, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("console of %s: %w", name, err)
	}
	address, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("console of %s: %w", name, err)
	}
	address.Scheme = "wss"
	address.Path = fmt.Sprintf("/apis/subresources.kubevirt.io/v1/namespaces/%s/virtualmachineinstances/%s/console",
		namespace, name)
	header := http.Header{}
	if config.BearerToken != "" {
		header.Set("Authorization", "Bearer "+config.BearerToken)
	}
	dialer := websocket.Dialer{
		TLSClientConfig: tlsConfig, Subprotocols: []string{"plain.kubevirt.io"}, HandshakeTimeout: handshakePatience,
	}
	socket, response, err := dialer.DialContext(ctx, address.String(), header)
	if err != nil {
		if response != nil {
			body, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
			return nil, fmt.Errorf("console of %s: %w: %s", name, err, strings.TrimSpace(string(body)))
		}
		return nil, fmt.Errorf("console of %s: %w", name, err)
	}
	if transcript == nil {
		transcript = io.Discard
	}
	console := &Console{
		socket: socket, seen: newText(), transcript: transcript, chunks: make(chan []byte, 64), heard: time.Now(),
	}
	go console.read()
	return console, nil
}

// Close ends the connection. The guest does not notice.
func (c *Console) Close() error { return c.socket.Close() }

func (c *Console) read() {
	for {
		_, chunk, err := c.socket.ReadMessage()
		if err != nil {
			c.failure = err
			close(c.chunks)
			return
		}
		c.chunks <- chunk
	}
}

// Send types text.
func (c *Console) Send(text string) error {
	return c.socket.WriteMessage(websocket.BinaryMessage, []byte(text))
}

// Expect waits until what the guest printed since the last match matches, and returns the submatches. Lines end in \n,
// and what only moves or colours the terminal is left out.
func (c *Console) Expect(ctx context.Context, expression *regexp.Regexp) ([]string, error) {
	for {
		if match := c.seen.take(expression); match != nil {
			return match, nil
		}
		select {
		case chunk, open := <-c.chunks:
			if !open {
				return nil, fmt.Errorf("wait for %s: %w; seen last: %q", expression, c.failure, c.seen.tail())
			}
			c.heard = time.Now()
			c.seen.write(chunk)
			_, _ = c.transcript.Write(chunk)
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w; seen last: %q", expression, ctx.Err(), c.seen.tail())
		}
	}
}

// prodInterval is how often Prod presses return: a getty that started after the last one prints its prompt anew.
const prodInterval = 5 * time.Second

// answerPatience is how long a step of logging in may take. While a guest boots, systemd resets the terminal now and
// then, and what was typed but not read at that moment is lost.
const answerPatience = 30 * time.Second

// login waits for the login prompt and logs in. A shell of the user that an earlier connection left is as good.
func (c *Console) login(ctx context.Context, user, password string) error {
	match, err := c.Prod(ctx, regexp.MustCompile(`(login: |`+regexp.QuoteMeta(user)+`@\S*[$#] )$`))
	if err != nil {
		return err
	}
	if match[1] != "login: " {
		return nil
	}
	if _, err := c.answer(ctx, user+"\n", answerPatience, regexp.MustCompile(`Password: $`)); err != nil {
		return err
	}
	match, err = c.answer(ctx, password+"\n", answerPatience, regexp.MustCompile(`(Login incorrect|[$#] $)`))
	if err != nil {
		return err
	}
	if match[1] == "Login incorrect" {
		return fmt.Errorf("the guest refuses user %s with the given password", user)
	}
	return nil
}

const (
	// reachInterval is how long Reach waits between two tries.
	reachInterval = time.Second
	// reachPatience is how long a try may take before another connection is made.
	reachPatience = 3 * time.Minute
)

// Reach opens the console and does something with it, again and again until that succeeds or the context ends: a
// machine that starts may close the connection of who was early.
func Reach(
	ctx context.Context, config *rest.Config, namespace, name string, transcript io.Writer,
	do func(context.Context, *Console) error,
) (*Console, error) {
	for {
		guest, err := Open(ctx, config, namespace, name, transcript)
		if err == nil {
			within, cancel := context.WithTimeout(ctx, reachPatience)
			err = do(within, guest)
			cancel()
			if err == nil {
				return guest, nil
			}
			_ = guest.Close()
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(reachInterval):
		}
	}
}

// LogIn reaches the console, logs in to a POSIX shell, and waits until the guest has booted. cloud-init makes the user
// while the prompt is there already, so that a login which is refused is tried again.
func LogIn(
	ctx context.Context, config *rest.Config, namespace, name, user, password string, transcript io.Writer,
) (*Console, error) {
	return Reach(ctx, config, namespace, name, transcript, func(ctx context.Context, guest *Console) error {
		if err := guest.login(ctx, user, password); err != nil {
			return err
		}
		return guest.settle(ctx, "")
	})
}

// tinyPrompt is the prompt of the tiny guest of the dev cluster (e2e/devcluster/internal/guest/tiny).
var tinyPrompt = regexp.MustCompile(`tiny# $`)

// Shell reaches the shell of a tiny guest, which asks for no login. The shell is there when the guest has booted and
// has done all that cloud-init data asks for. What an earlier connection left half typed, or running in the foreground,
// ends.
func Shell(ctx context.Context, config *rest.Config, namespace, name string, transcript io.Writer) (*Console, error) {
	return Reach(ctx, config, namespace, name, transcript, func(ctx context.Context, guest *Console) error {
		return guest.enterShell(ctx)
	})
}

func (c *Console) enterShell(ctx context.Context) error {
	if err := c.Send(interrupt); err != nil {
		return err
	}
	_, err := c.Prod(ctx, tinyPrompt)
	return err
}

const (
	// interrupt is Ctrl-C.
	interrupt = "\x03"
	// settleInterval is how often settle asks a guest that is not done.
	settleInterval = 2 * time.Second
	// settlePatience is how long an answer may take; the shell starts slowly in a guest that boots.
	settlePatience = 5 * time.Second
	// settleBreak is after how many questions without an answer settle ends with a Ctrl-C what may hang, or what is
	// left of a line.
	settleBreak = 30
)

// settle waits until cloud-init is done, in a guest that has it: until there is a file that it leaves at its end or
// instead of its beginning (cloud-init 25.1, cloudinit/cmd/main.py, status_wrapper, and cmd/status.py). Its own
// 'cloud-init status --wait' takes an emulated guest many seconds, in which it boots no further. Paths are below root,
// which is empty except in tests.
//
// What it types may be lost, all or in part, and what it sees may answer what was typed earlier. So it lets the shell
// put together what it believes: a pattern that the shell replaces by the name of the file if there is one, and a mark;
// no part of the line gives both.
func (c *Console) settle(ctx context.Context, root string) error {
	paths := []string{root + "/run/cloud-init/result.json", root + "/run/cloud-init/disabled",
		root + "/usr/bin/cloud-init"}
	question, answer := "\necho", "(?m:^)"
	for _, path := range paths {
		most, last := path[:len(path)-1], path[len(path)-1:]
		question += " " + most + "[" + last + "]"
		answer += "(" + regexp.QuoteMeta(most) + `(?:` + last + `|\[` + last + `\])) `
	}
	question += " settle\\d\n"
	expression := regexp.MustCompile(answer + "settled\n")
	for unanswered := 0; ; {
		found, err := c.answer(ctx, question, settlePatience, expression)
		switch {
		case err == nil && (found[1] == paths[0] || found[2] == paths[1] || found[3] != paths[2]):
			return nil
		case err == nil:
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for cloud-init: %w", ctx.Err())
			case <-time.After(settleInterval):
			}
		case !errors.Is(err, errNoAnswer):
			return err
		default:
			if unanswered++; unanswered%settleBreak == 0 {
				if err := c.Send(interrupt); err != nil {
					return err
				}
			}
		}
	}
}

// deadAfter is how long a guest may print nothing, not even what is typed, before its console counts as dead.
const deadAfter = 2 * time.Minute

// Prod presses return until the expression matches, and returns the match. It gives up when the guest prints nothing at
// all any more: a connection may stay open that leads nowhere.
func (c *Console) Prod(ctx context.Context, expression *regexp.Regexp) ([]string, error) {
	for {
		match, err := c.answer(ctx, "\n", prodInterval, expression)
		if !errors.Is(err, errNoAnswer) || time.Since(c.heard) > deadAfter {
			return match, err
		}
	}
}

// errNoAnswer says that the guest has not printed what was expected in time.
var errNoAnswer = errors.New("no answer")

// answer types, and waits until the expression matches. It is errNoAnswer if that takes longer than it may and the
// context has not ended.
func (c *Console) answer(
	ctx context.Context, typed string, patience time.Duration, expression *regexp.Regexp,
) ([]string, error) {
	if err := c.Send(typed); err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	match, err := c.Expect(within, expression)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w after %s: %w", errNoAnswer, patience, err)
	}
	return match, err
}

// Run runs a shell command after LogIn and returns what it printed. A command that fails is an error with its output.
func (c *Console) Run(ctx context.Context, command string) (string, error) {
	c.typed++
	// The marks are put together by the shell, so that the echo of the line does not match.
	line := fmt.Sprintf("echo \"<<\"\"wukong-%d\"; { %s ; } 2>&1; echo \">>\"\"wukong-%[1]d=$?\"\n", c.typed, command)
	if err := c.Send(line); err != nil {
		return "", err
	}
	match, err := c.Expect(ctx,
		regexp.MustCompile(fmt.Sprintf(`(?s)<<wukong-%d\n(.*?)>>wukong-%[1]d=(\d+)\n`, c.typed)))
	if err != nil {
		return "", fmt.Errorf("run %q in the guest: %w", command, err)
	}
	output := strings.TrimSpace(match[1])
	if match[2] != "0" {
		return output, fmt.Errorf("run %q in the guest: exit code %s: %s", command, match[2], output)
	}
	return output, nil
}
