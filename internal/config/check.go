package config

import (
	"cmp"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/signature"
)

const day = 24 * time.Hour

// The values of [Ingress.Grouping].
const (
	GroupingOn  = "on"
	GroupingOff = "off"
)

// setDefaults replaces zero values. It runs before check, so that defaults keep the bounds as well.
func (c *Config) setDefaults() {
	in := &c.Ingress
	in.Listen = cmp.Or(in.Listen, ":8080")
	in.MaxBody = cmp.Or(in.MaxBody, 4*mib)
	in.MaxInFlight = cmp.Or(in.MaxInFlight, 64*mib)
	in.MaxConnections = cmp.Or(in.MaxConnections, 4096)
	in.Grouping = cmp.Or(in.Grouping, GroupingOn)
	if in.Starts == 0 {
		in.Starts = 4
		if in.Grouping == GroupingOff {
			in.Starts = 8
		}
	}
	in.HeaderTimeout = cmp.Or(in.HeaderTimeout, 5*time.Second)
	in.ReadTimeout = cmp.Or(in.ReadTimeout, 10*time.Second)
	in.IdleTimeout = cmp.Or(in.IdleTimeout, 2*time.Minute)
	c.Spool.Dir = cmp.Or(c.Spool.Dir, "holdfast-spool")
	c.Spool.MaxBytes = cmp.Or(c.Spool.MaxBytes, gib)
	c.Metrics.Listen = cmp.Or(c.Metrics.Listen, ":9090")
	c.Temporal.TaskQueue = cmp.Or(c.Temporal.TaskQueue, "holdfast")
	c.State.URL = cmp.Or(c.State.URL, "sqlite:holdfast.db")
	c.Storage.Threshold = cmp.Or(c.Storage.Threshold, 256*kib)
	if c.Storage.S3 != (S3{}) {
		c.Storage.S3.Endpoint = cmp.Or(c.Storage.S3.Endpoint, "https://s3.amazonaws.com")
	}
	c.Dedupe = cmp.Or(c.Dedupe, 10*day)
	c.Attempts = cmp.Or(c.Attempts, 3*day)
	for name, s := range c.Sources {
		s.Path = cmp.Or(s.Path, name)
		s.MaxBody = cmp.Or(s.MaxBody, in.MaxBody)
		c.Sources[name] = s
	}
	for name, d := range c.Destinations {
		d.Type = cmp.Or(d.Type, DefaultType)
		d.Parallel = cmp.Or(d.Parallel, DefaultParallel)
		d.Retry.Timeout = cmp.Or(d.Retry.Timeout, DefaultTimeout)
		d.Retry.For = cmp.Or(d.Retry.For, DefaultHorizon)
		d.Concurrency = cmp.Or(d.Concurrency, DefaultConcurrency)
		c.Destinations[name] = d
	}
	for id, a := range c.Accounts {
		a.Name = cmp.Or(a.Name, id)
		c.Accounts[id] = a
	}
}

// check notes what is readable and cannot be meant.
func (r *reader) check(c *Config) {
	in := c.Ingress
	r.address("ingress.listen", in.Listen)
	between(r, "ingress.max_body", in.MaxBody, kib, 64*mib)
	between(r, "ingress.max_in_flight", in.MaxInFlight, 1, 16*gib)
	between(r, "ingress.max_connections", in.MaxConnections, 16, 1_000_000)
	if in.Grouping != GroupingOn && in.Grouping != GroupingOff {
		r.problem("ingress.grouping", "want on or off")
	}
	between(r, "ingress.starts", in.Starts, 1, 256)
	between(r, "ingress.header_timeout", in.HeaderTimeout, time.Second, time.Minute)
	between(r, "ingress.read_timeout", in.ReadTimeout, time.Second, 5*time.Minute)
	between(r, "ingress.idle_timeout", in.IdleTimeout, time.Second, time.Hour)
	between(r, "spool.max_bytes", c.Spool.MaxBytes, 16*mib, 1<<20*mib)
	r.address("metrics.listen", c.Metrics.Listen)
	if c.Codec.Listen != "" {
		r.address("codec.listen", c.Codec.Listen)
	}
	for i, origin := range c.Codec.Origins {
		if u, err := url.Parse(origin); err != nil || !isWeb(u) || u.Scheme+"://"+u.Host != origin {
			r.problem("codec.origins["+strconv.Itoa(i)+"]", "want an origin such as https://temporal.example.com")
		}
	}
	r.database(c.State.URL)
	r.storage(c.Storage)
	between(r, "dedupe", c.Dedupe, 8*day, 365*day)
	between(r, "attempts", c.Attempts, time.Hour, 365*day)
	if u, err := url.Parse(c.Temporal.UI); c.Temporal.UI != "" && (err != nil || !isWeb(u) || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		r.problem("temporal.ui", "want a URL such as https://temporal.example.com")
	}
	r.sources(c)
	r.accounts(c.Accounts)
	for _, name := range slices.Sorted(maps.Keys(c.Destinations)) {
		r.name("destinations", name)
		r.destination(join("destinations", name), c.Destinations[name], c)
	}
}

var (
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	pathForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,128}$`)
)

func (r *reader) name(in, name string) {
	if !nameForm.MatchString(name) {
		r.problem(join(in, name), "want a name of lower-case letters, digits and hyphens, at most 63, no hyphen first")
	}
}

func (r *reader) sources(c *Config) {
	largest, largestAt := c.Ingress.MaxBody, "ingress.max_body"
	taken := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		s, at := c.Sources[name], join("sources", name)
		r.name("sources", name)
		if name == "unknown" {
			r.problem(at, "want another name: what is sent to no source is counted under this one")
		}
		if s.MaxBody != c.Ingress.MaxBody {
			between(r, at+".max_body", s.MaxBody, kib, 64*mib)
		}
		if s.MaxBody > largest {
			largest, largestAt = s.MaxBody, at+".max_body"
		}
		if !nameForm.MatchString(name) && s.Path == name {
			continue // said already
		}
		if !pathForm.MatchString(s.Path) || s.Path == "." || s.Path == ".." {
			r.problem(at+".path", "want 1 to 128 letters, digits and . _ ~ -")
		} else if other, ok := taken[s.Path]; ok {
			r.problem(at+".path", "is the same as that of %s", join("sources", other))
		} else {
			taken[s.Path] = name
		}
	}
	if need := inFlight(largest); c.Ingress.MaxInFlight < need {
		r.problem("ingress.max_in_flight", "want at least %v, or %s of %v would never fit", (need+kib-1)/kib*kib, largestAt, largest)
	}
}

// inFlight is how much the ingress must be allowed to hold so that a body of this size ever fits. It is the ingress's own
// rule, told before anything is opened: a body is read with a byte more, to see that it ends; it counts for 8 KiB at
// least; and beyond 64 KiB it may use no more than three of the four quarters.
func inFlight(body Size) Size {
	held := body + 1
	if held > 64*kib {
		return (held + 2) / 3 * 4
	}
	return max(held, 8*kib)
}

func (r *reader) destination(at string, d Destination, c *Config) {
	if d.Options == nil {
		return // its type is unknown: said already
	}
	between(r, at+".retry.timeout", d.Retry.Timeout, time.Second, time.Minute)
	between(r, at+".retry.for", d.Retry.For, time.Minute, 30*day)
	between(r, at+".concurrency", d.Concurrency, 1, 1024)
	between(r, at+".parallel", d.Parallel, 1, 64)
	for _, t := range r.senders {
		if t.Name == d.Type {
			for _, p := range t.Check(d.Options) {
				r.problem(at+"."+p.Setting, "%s", p.Text)
			}
		}
	}
	r.routing(at, d, c)
}

func isWeb(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

func (r *reader) database(u signature.Secret) {
	file, sqlite := strings.CutPrefix(string(u), "sqlite:")
	parsed, err := url.Parse(string(u))
	postgres := err == nil && (parsed.Scheme == "postgres" || parsed.Scheme == "postgresql")
	if !(sqlite && file != "") && !postgres {
		r.problem("state.url", "want sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE")
	}
}

var (
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9/._-]{0,256}$`)
)

func (r *reader) storage(s Storage) {
	between(r, "storage.threshold", s.Threshold, 16*kib, mib)
	if s.S3 == (S3{}) {
		return
	}
	if s.Dir != "" {
		r.problem("storage.s3", "want dir or s3, not both")
	}
	if u, err := url.Parse(s.S3.Endpoint); err != nil || !isWeb(u) || u.Scheme+"://"+u.Host != s.S3.Endpoint {
		r.problem("storage.s3.endpoint", "want a URL such as https://s3.eu-central-1.amazonaws.com, with nothing behind the host")
	}
	if !bucketForm.MatchString(s.S3.Bucket) {
		r.problem("storage.s3.bucket", "want the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens")
	}
	if !prefixForm.MatchString(s.S3.Prefix) {
		r.problem("storage.s3.prefix", "want at most 256 letters, digits and / . _ -")
	}
	if (s.S3.AccessKey == "") != (s.S3.SecretKey == "") {
		r.problem("storage.s3.access_key", "want access_key and secret_key, or neither")
	}
}

func (r *reader) address(at, text string) {
	_, port, err := net.SplitHostPort(text)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		r.problem(at, "want an address such as :8080 or 127.0.0.1:8080")
	}
}

// between notes a value out of bounds, with the bounds.
func between[T cmp.Ordered](r *reader, at string, v, low, high T) {
	if v < low || v > high {
		r.problem(at, "want %s to %s", short(low), short(high))
	}
}
