package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestEntrances(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}
	cluster := testbed.At("/home/state")
	const console = "\nThe console (Ctrl-] leaves it):\n  KUBECONFIG=/home/state/kubeconfig /home/state/bin/virtctl " +
		"console -n default web\n"
	assert.Equal(t, console, entrances(cluster, vm), "a machine without a user has a console alone")

	vm.Spec.CloudInit = &v1alpha1.CloudInit{Users: []v1alpha1.CloudInitUser{{
		Name: "debian", PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "web-login", Key: "password"},
	}}}
	const ssh = "SSH:\n  KUBECONFIG=/home/state/kubeconfig /home/state/bin/virtctl ssh -n default " +
		"--known-hosts=/home/state/known_hosts debian@vm/web\n"
	const password = "Both ask for the password of debian, which is in key password of Secret web-login.\n"
	assert.Equal(t, console+ssh+password, entrances(cluster, vm))
}
