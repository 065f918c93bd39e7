package subresource

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// Client calls subresources.
type Client struct {
	rest rest.Interface
}

// New returns a client with the credentials and connections of a manager.
func New(config *rest.Config, connections *http.Client) (*Client, error) {
	config = rest.CopyConfig(config)
	config.APIPath = "/apis"
	config.GroupVersion = &schema.GroupVersion{Group: kubevirtv1.SubresourceGroupName, Version: "v1"}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	interfaced, err := rest.RESTClientForConfigAndClient(config, connections)
	if err != nil {
		return nil, fmt.Errorf("make the client of KubeVirt's subresources: %w", err)
	}
	return &Client{rest: interfaced}, nil
}

// Freeze asks the guest agent to freeze the file systems of a guest, and returns when they are frozen. The guest thaws
// them itself after the timeout. After an error they may be frozen nevertheless, or become so later.
func (c *Client) Freeze(ctx context.Context, namespace, name string, timeout time.Duration) error {
	body, err := json.Marshal(kubevirtv1.FreezeUnfreezeTimeout{UnfreezeTimeout: &metav1.Duration{Duration: timeout}})
	if err != nil {
		return err
	}
	return c.put(ctx, namespace, name, "freeze", body, timeout)
}

// Unfreeze asks the guest agent to thaw the file systems of a guest. It succeeds when nothing is frozen.
func (c *Client) Unfreeze(ctx context.Context, namespace, name string) error {
	return c.put(ctx, namespace, name, "unfreeze", nil, answer)
}

// answer is how long a call may take.
const answer = 30 * time.Second

func (c *Client) put(ctx context.Context, namespace, name, call string, body []byte, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request := c.rest.Put().Namespace(namespace).Resource("virtualmachineinstances").Name(name).SubResource(call)
	if body != nil {
		request = request.SetHeader("Content-Type", "application/json").Body(body)
	}
	if err := request.Do(ctx).Error(); err != nil {
		return fmt.Errorf("%s VirtualMachineInstance %s: %w", call, name, err)
	}
	return nil
}
