package simulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Agents plays virt-api's calls to guest agents, as an aggregated API of the control plane: the requests pass the API
// server's own authentication and authorization. A guest freezes and thaws at once unless a test asks for something
// else.
type Agents struct {
	server *httptest.Server
	client client.Client

	mutex  sync.Mutex
	guests map[types.NamespacedName]*Agent
}

// Agent is the guest agent of one instance.
type Agent struct {
	// FreezeFails and ThawFails are the errors of the next calls; empty for success.
	FreezeFails, ThawFails string
	// Late: a freeze that fails takes effect nevertheless.
	Late bool
	// Calls are the calls so far, in order: "freeze 30s" and "unfreeze".
	Calls []string
	// Frozen is the state of the guest.
	Frozen bool
}

// subresources are the calls that are served.
var subresources = []string{"virtualmachineinstances/freeze", "virtualmachineinstances/unfreeze"}

// StartAgents serves the calls, and registers them with the API server.
func StartAgents(ctx context.Context, administrator client.Client) (*Agents, error) {
	agents := &Agents{client: administrator, guests: map[types.NamespacedName]*Agent{}}
	agents.server = httptest.NewTLSServer(agents)
	_, port, err := net.SplitHostPort(agents.server.Listener.Addr().String())
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return nil, err
	}
	const namespace, name = "default", "virt-api"
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	}
	if err := administrator.Create(ctx, service); err != nil {
		return nil, fmt.Errorf("make the service of the simulated virt-api: %w", err)
	}
	registration := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
		"metadata": map[string]any{"name": "v1." + kubevirtv1.SubresourceGroupName},
		"spec": map[string]any{
			"group": kubevirtv1.SubresourceGroupName, "version": "v1", "insecureSkipTLSVerify": true,
			"groupPriorityMinimum": int64(1000), "versionPriority": int64(15),
			"service": map[string]any{"namespace": namespace, "name": name, "port": number},
		},
	}}
	if err := administrator.Create(ctx, registration); err != nil {
		return nil, fmt.Errorf("register the simulated virt-api: %w", err)
	}
	return agents, agents.wait(ctx, registration)
}

// registrationPatience is how long the API server may take to see that the calls are served.
const registrationPatience = time.Minute

func (a *Agents) wait(ctx context.Context, registration *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, registrationPatience)
	defer cancel()
	for {
		if err := a.client.Get(ctx, client.ObjectKeyFromObject(registration), registration); err != nil {
			return fmt.Errorf("wait for the simulated virt-api: %w: %v", err, registration.Object["status"])
		}
		found, _, _ := unstructured.NestedSlice(registration.Object, "status", "conditions")
		for _, condition := range found {
			if fields := condition.(map[string]any); fields["type"] == "Available" && fields["status"] == "True" {
				return nil
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Stop ends the server.
func (a *Agents) Stop() { a.server.Close() }

// Of lets a test inspect or change the agent of an instance.
func (a *Agents) Of(namespace, name string, look func(agent *Agent)) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	key := types.NamespacedName{Namespace: namespace, Name: name}
	if a.guests[key] == nil {
		a.guests[key] = &Agent{}
	}
	look(a.guests[key])
}

// ServeHTTP implements http.Handler.
func (a *Agents) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	if request.Method == http.MethodGet {
		list := metav1.APIResourceList{
			TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
			GroupVersion: kubevirtv1.SubresourceGroupName + "/v1",
		}
		for _, name := range subresources {
			list.APIResources = append(list.APIResources,
				metav1.APIResource{Name: name, Namespaced: true, Verbs: []string{"update"}})
		}
		answer(writer, http.StatusOK, list)
		return
	}
	// apis/GROUP/v1/namespaces/NAMESPACE/virtualmachineinstances/NAME/CALL
	if request.Method != http.MethodPut || len(parts) != 8 {
		fail(writer, http.StatusNotFound, "no such call")
		return
	}
	var body kubevirtv1.FreezeUnfreezeTimeout
	if parts[7] == "freeze" {
		if err := json.NewDecoder(request.Body).Decode(&body); err != nil || body.UnfreezeTimeout == nil {
			fail(writer, http.StatusBadRequest, "unfreezeTimeout is required")
			return
		}
	}
	var failure string
	a.Of(parts[4], parts[6], func(agent *Agent) { failure = agent.call(parts[7], body) })
	if failure != "" {
		fail(writer, http.StatusInternalServerError, failure)
		return
	}
	writer.WriteHeader(http.StatusAccepted)
}

func (a *Agent) call(name string, body kubevirtv1.FreezeUnfreezeTimeout) (failure string) {
	if name == "freeze" {
		a.Calls = append(a.Calls, "freeze "+body.UnfreezeTimeout.Duration.String())
		a.Frozen = a.Frozen || a.FreezeFails == "" || a.Late
		return a.FreezeFails
	}
	a.Calls = append(a.Calls, "unfreeze")
	a.Frozen = a.Frozen && a.ThawFails != ""
	return a.ThawFails
}

func fail(writer http.ResponseWriter, code int32, message string) {
	answer(writer, int(code), metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
		Message: message, Code: code,
	})
}

func answer(writer http.ResponseWriter, code int, body any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(code)
	_ = json.NewEncoder(writer).Encode(body) // to a test that has ended
}
