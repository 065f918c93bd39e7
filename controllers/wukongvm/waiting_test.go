package wukongvm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func waiter(number int) *v1alpha1.WukongVM {
	return &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{
		Namespace: "web", Name: fmt.Sprintf("vm-%02d", number), CreationTimestamp: metav1.Unix(int64(number), 0),
	}}
}

func names(found []types.NamespacedName) []string {
	var result []string
	for _, name := range found {
		result = append(result, name.Name)
	}
	return result
}

func TestTheOldestThatWaitAreWokenFirst(t *testing.T) {
	room := newWaitingRoom()
	for number := range 20 {
		room.enter(waiter(19-number), []string{"bridge/br0/0"})
	}
	first := names(room.wake("bridge/br0/0"))
	assert.Len(t, first, wakeAtOnce)
	assert.Equal(t, "vm-00", first[0])
	assert.Equal(t, []string{"vm-16", "vm-17", "vm-18", "vm-19"}, names(room.wake("bridge/br0/0")), "twenty addresses that come free at once wake all twenty")
	assert.Empty(t, room.wake("bridge/br0/0"), "all will look")
	assert.Empty(t, room.wake("bridge/br0/100"))

	room.enter(waiter(7), []string{"bridge/br0/0"}) // it looked, and found nothing
	assert.Equal(t, []string{"vm-07"}, names(room.wake("bridge/br0/0")))
}

func TestWhoLeavesIsNotWoken(t *testing.T) {
	room := newWaitingRoom()
	room.enter(waiter(1), []string{"a", "b", "c"})
	room.leave(client.ObjectKeyFromObject(waiter(1)), []string{"b"})
	assert.Empty(t, room.wake("a"))
	assert.Equal(t, []string{"vm-01"}, names(room.wake("b")))
	room.leave(client.ObjectKeyFromObject(waiter(1)), nil)
	assert.Empty(t, room.guests)
}
