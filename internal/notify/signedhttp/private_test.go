package signedhttp

import (
	"net/netip"
	"strings"
	"testing"

	"holdfast/internal/webhook"
)

func TestPublic(t *testing.T) {
	const private = `
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254 168.63.129.16 169.254.0.1
169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.1
203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::7f00:1
100::1 2001::1 2001:2::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1`
	const open = `
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15 169.253.255.255 169.255.0.0
172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
::ffff:8.8.8.8 64:ff9b::808:808 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1`
	for text, want := range map[string]bool{private: false, open: true} {
		for a := range strings.FieldsSeq(text) {
			if got := public(netip.MustParseAddr(a)); got != want {
				t.Errorf("%s: public is %v", a, got)
			}
			if got := privateHost(a); got == want {
				t.Errorf("%s: as a host, private is %v", a, got)
			}
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost.": true, "a.localhost": true, "localhost.example.com": false, "example.com": false, "notlocalhost": false,
	} {
		if got := privateHost(host); got != want {
			t.Errorf("%s: private is %v", host, got)
		}
	}
	for host, want := range map[string]bool{
		"127.1": true, "2130706433": true, "0x7f.0.0.0x1": true, "0x7f000001": true, "127.0.0.1.": true, "1.2.3.4.5": true, "0177.0.0.1": true, "x.0x": true,
		"127.0.0.1": false, "::1": false, "example.com": false, "1.example": false, "0xa.example": false, "a1": false,
	} {
		if got := oddAddress(host); got != want {
			t.Errorf("%s: odd is %v", host, got)
		}
	}
}

// TestGuard has a destination that is public by its configuration, and private once its name is resolved.
func TestGuard(t *testing.T) {
	r := receive(t, nil)
	for _, url := range []string{r.URL, strings.Replace(r.URL, "127.0.0.1", "localhost", 1)} {
		d := opened(t, to(url))
		told(t, d)
		guarded, err := newTransport(&Options{}, d.template, 8)
		if err != nil {
			t.Fatal(err)
		}
		d.transport = guarded
		judged(t, d, webhook.Verdict{Kind: webhook.Trouble, Reason: "address is private", Advice: advised})
	}
	if n := len(r.got()); n != 2 {
		t.Errorf("told %d times, want 2", n)
	}
}
