package signedhttp

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// errPrivate is why a connection is not made.
var errPrivate = errors.New("address is private")

// guard refuses connections to addresses that are not of the public internet. It is a [net.Dialer]'s Control: it sees the address
// that is about to be connected to, so that no name, and no second look at one, leads past it.
func guard(_, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err != nil || !public(at.Addr()) {
		return errPrivate
	}
	return nil
}

// Special are addresses within those that could be public, and are not (IANA: IPv4 and IPv6 Special-Purpose Address Registries).
var special = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private (RFC 1918)
	"100.64.0.0/10",    // shared by the customers of a carrier
	"127.0.0.0/8",      // this machine
	"168.63.129.16/32", // Azure's own services, as its machines see them
	"169.254.0.0/16",   // this link, and the metadata services of clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // of protocols
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // relays to IPv6 that are no more
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and broadcast
	"2001::/23",        // of protocols, among them Teredo, which holds another address
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4, which holds another address
	"3fff::/20",        // documentation
)

var (
	global = netip.MustParsePrefix("2000::/3")     // all of IPv6 that is given to anybody
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // holds an IPv4 address, to which it is translated on the way
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// public reports whether an address is one of the public internet. What it does not know is not.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		last := a.As16()
		a = netip.AddrFrom4([4]byte(last[12:]))
	}
	return a.IsValid() && (a.Is4() || global.Contains(a)) && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// privateHost reports whether a host is a private address as it is written, or a name of this machine. Where no proxy hides the
// address, guard sees all others.
func privateHost(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return !public(a)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// oddAddress reports whether a host ends in a number and is no address in its usual form: some resolvers take 127.1 and
// 0x7f000001 for one.
func oddAddress(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndexByte(name, '.')+1:]
	return strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == ""
}
