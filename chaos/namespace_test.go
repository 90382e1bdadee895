package chaos

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// Addresses for a pair of interfaces, from the block for measuring network devices: hardly anybody has them.
const (
	outside = "198.18.77.1"
	inside  = "198.18.77.2"
)

func namespaceName() string { return "holdfast" + strconv.Itoa(os.Getpid()) }

// namespaced puts an ingress and a worker into a network namespace, and everything else at an address that it can reach.
func namespaced(t *testing.T, s *site) *options {
	needsRoot(t)
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.Contains(net.ParseIP(inside)) {
			t.Fatalf("this machine is in %v itself: choose other addresses for the test", network)
		}
	}
	ns := namespaceName()
	link, peer := fmt.Sprintf("hf%do", os.Getpid()%100000), fmt.Sprintf("hf%di", os.Getpid()%100000)
	mustRun(t, "ip", "netns", "add", ns)
	t.Cleanup(func() { mustRun(t, "ip", "netns", "del", ns) }) // and the link with it
	mustRun(t, "ip", "link", "add", link, "type", "veth", "peer", "name", peer, "netns", ns)
	mustRun(t, "ip", "addr", "add", outside+"/30", "dev", link)
	mustRun(t, "ip", "link", "set", link, "up")
	mustRun(t, "ip", "-n", ns, "addr", "add", inside+"/30", "dev", peer)
	mustRun(t, "ip", "-n", ns, "link", "set", peer, "up")
	mustRun(t, "ip", "-n", ns, "link", "set", "lo", "up")
	return &options{
		host: outside,
		room: func(name string, r *room) {
			if name == "ingress-1" || name == "worker-1" {
				r.host = inside
				r.args = append([]string{"ip", "netns", "exec", ns}, r.args...)
			}
		},
	}
}

// cutNetwork takes the link down inside: outside, addresses stay reachable for those who are there.
func cutNetwork(w *world) {
	ns, peer := namespaceName(), fmt.Sprintf("hf%di", os.Getpid()%100000)
	w.after(0.1)
	defer w.broken("the network")()
	mustRun(w.t, "ip", "-n", ns, "link", "set", peer, "down")
	w.pass(20 * time.Second)
	mustRun(w.t, "ip", "-n", ns, "link", "set", peer, "up")
}
