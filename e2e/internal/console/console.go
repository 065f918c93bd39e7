// Package console talks to a guest over its serial console, as 'virtctl console' does: a websocket of the KubeVirt API server.
//
// It is how tests learn what is true inside a guest, rather than what our own status says of it.
package console

import (
	"context"
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
	chunks     chan []byte
	failed     chan error
}

// Open connects to the serial console of a VirtualMachineInstance. What the guest prints is also written to transcript, if that is not nil.
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
	address.Path = fmt.Sprintf("/apis/subresources.kubevirt.io/v1/namespaces/%s/virtualmachineinstances/%s/console", namespace, name)
	header := http.Header{}
	if config.BearerToken != "" {
		header.Set("Authorization", "Bearer "+config.BearerToken)
	}
	dialer := websocket.Dialer{TLSClientConfig: tlsConfig, Subprotocols: []string{"plain.kubevirt.io"}}
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
	console := &Console{socket: socket, seen: newText(), transcript: transcript, chunks: make(chan []byte, 64), failed: make(chan error, 1)}
	go console.read()
	return console, nil
}

// Close ends the connection. The guest does not notice.
func (c *Console) Close() error { return c.socket.Close() }

func (c *Console) read() {
	for {
		_, chunk, err := c.socket.ReadMessage()
		if err != nil {
			c.failed <- err
			return
		}
		c.chunks <- chunk
	}
}

// Send types text.
func (c *Console) Send(text string) error {
	return c.socket.WriteMessage(websocket.BinaryMessage, []byte(text))
}

// Expect waits until what the guest printed since the last match matches, and returns the submatches. Lines end in \n, and what only moves or
// colours the terminal is left out.
func (c *Console) Expect(ctx context.Context, expression *regexp.Regexp) ([]string, error) {
	for {
		if match := c.seen.take(expression); match != nil {
			return match, nil
		}
		select {
		case chunk := <-c.chunks:
			c.seen.write(chunk)
			_, _ = c.transcript.Write(chunk)
		case err := <-c.failed:
			return nil, fmt.Errorf("wait for %s: %w; seen last: %q", expression, err, c.seen.tail())
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w; seen last: %q", expression, ctx.Err(), c.seen.tail())
		}
	}
}

// prodInterval is how often Prod presses return: a getty that started after the last one prints its prompt anew.
const prodInterval = 5 * time.Second

// Login waits for the login prompt and logs in. A shell of the user that an earlier connection left is as good.
func (c *Console) Login(ctx context.Context, user, password string) error {
	match, err := c.Prod(ctx, regexp.MustCompile(`(login: |`+regexp.QuoteMeta(user)+`@\S*[$#] )$`))
	if err != nil {
		return err
	}
	if match[1] != "login: " {
		return nil
	}
	if err := c.Send(user + "\n"); err != nil {
		return err
	}
	if _, err := c.Expect(ctx, regexp.MustCompile(`Password: $`)); err != nil {
		return err
	}
	if err := c.Send(password + "\n"); err != nil {
		return err
	}
	match, err = c.Expect(ctx, regexp.MustCompile(`(Login incorrect|[$#] $)`))
	if err != nil {
		return err
	}
	if match[1] == "Login incorrect" {
		return fmt.Errorf("the guest refuses user %s with the given password", user)
	}
	return nil
}

// reachInterval is how long Reach waits between two tries.
const reachInterval = time.Second

// Reach opens the console and does something with it, again and again until that succeeds or the context ends: a machine that starts may
// close the connection of who was early.
func Reach(ctx context.Context, config *rest.Config, namespace, name string, transcript io.Writer, do func(*Console) error) (*Console, error) {
	for {
		guest, err := Open(ctx, config, namespace, name, transcript)
		if err == nil {
			if err = do(guest); err == nil {
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

// LogIn reaches the console, logs in, and waits until the guest has booted. cloud-init makes the user while the prompt is there already, so
// that a login which is refused is tried again.
func LogIn(ctx context.Context, config *rest.Config, namespace, name, user, password string, transcript io.Writer) (*Console, error) {
	return Reach(ctx, config, namespace, name, transcript, func(guest *Console) error {
		if err := guest.Login(ctx, user, password); err != nil {
			return err
		}
		return guest.settle(ctx)
	})
}

// settleInterval is how often settle types its command.
const settleInterval = 30 * time.Second

// settle waits until cloud-init is done, in a guest that has it. While a guest boots, systemd resets the terminal now and then, and what was
// typed but not read at that moment is lost: the command is typed again, after a Ctrl-C that ends what is left of the last one. The shell
// refuses the line if its beginning is lost.
func (c *Console) settle(ctx context.Context) error {
	const command = "if true; then command -v cloud-init >/dev/null && cloud-init status --wait >/dev/null 2>&1; echo settle\\d; fi\n"
	for {
		// The terminal throws away what is typed before it has acted on a Ctrl-C.
		if _, err := c.retype(ctx, "\x03", prodInterval, regexp.MustCompile(`[$#] $`)); err != nil {
			return err
		}
		_, over, err := c.typeOnce(ctx, command, settleInterval, regexp.MustCompile(`settled\n`))
		if over {
			return err
		}
	}
}

// Prod presses return until the expression matches, and returns the match.
func (c *Console) Prod(ctx context.Context, expression *regexp.Regexp) ([]string, error) {
	return c.retype(ctx, "\n", prodInterval, expression)
}

// retype types the same again and again until the expression matches, and returns the match.
func (c *Console) retype(ctx context.Context, typed string, interval time.Duration, expression *regexp.Regexp) ([]string, error) {
	for {
		if match, over, err := c.typeOnce(ctx, typed, interval, expression); over {
			return match, err
		}
	}
}

// typeOnce types and waits until the expression matches. It is not over when only the interval ended.
func (c *Console) typeOnce(ctx context.Context, typed string, interval time.Duration, expression *regexp.Regexp) (match []string, over bool, err error) {
	if err := c.Send(typed); err != nil {
		return nil, true, err
	}
	once, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	match, err = c.Expect(once, expression)
	return match, err == nil || ctx.Err() != nil || once.Err() == nil, err
}

// Run runs a shell command after LogIn and returns what it printed. A command that fails is an error with its output.
func (c *Console) Run(ctx context.Context, command string) (string, error) {
	// The marks are put together by the shell, so that the echo of the line does not match.
	line := fmt.Sprintf("echo \"<<\"\"wukong\"; { %s ; } 2>&1; echo \">>\"\"wukong=$?\"\n", command)
	if err := c.Send(line); err != nil {
		return "", err
	}
	match, err := c.Expect(ctx, regexp.MustCompile(`(?s)<<wukong\n(.*?)>>wukong=(\d+)\n`))
	if err != nil {
		return "", fmt.Errorf("run %q in the guest: %w", command, err)
	}
	output := strings.TrimSpace(match[1])
	if match[2] != "0" {
		return output, fmt.Errorf("run %q in the guest: exit code %s: %s", command, match[2], output)
	}
	return output, nil
}
