// Package config reads holdfast.yaml. The comments of its types are the manual of that file: every setting with its
// meaning, unit, default and reason.
//
// A setting that is left out, empty or zero has its default, so a file needs to say only what is special about an
// installation. A name that is not in this manual is an error, and so are values out of bounds; all that is wrong with
// a file is reported at once.
//
// In values, not in names, ${NAME} stands for an environment variable and ${file:PATH} for what a file holds, without
// the line end behind it; PATH is relative to the configuration file. $${ stands for ${ itself. They are put in after
// the YAML was read, so whatever they hold stays one value. An unset variable is an error, an empty secret as well.
//
// Errors name the place and the setting, and never a value.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/internal/signature"
)

// Config is a whole holdfast.yaml, with defaults filled in.
type Config struct {
	Ingress  Ingress  `yaml:"ingress"`
	Spool    Spool    `yaml:"spool"`
	Metrics  Metrics  `yaml:"metrics"`
	Codec    Codec    `yaml:"codec"`
	Temporal Temporal `yaml:"temporal"`
	State    State    `yaml:"state"`
	Storage  Storage  `yaml:"storage"`

	// Dedupe is how long duplicates are remembered: what happened longer ago than this is recorded, but nobody is told.
	// Default 240h; 192h to 8760h. Meta repeats a webhook for up to 7 days, so less than 8 would tell some events twice.
	Dedupe time.Duration `yaml:"dedupe"`

	// Sources are the endpoints to which providers send, by name: lower-case letters, digits and hyphens, at most 63.
	// The name is in workflow ids and in the identity of every event, so a renamed source is a new one.
	Sources map[string]Source `yaml:"sources"`

	// Destinations are the systems that are told about events, by name, formed like that of a source. There may be
	// none: then events are recorded, and change what is known of accounts.
	Destinations map[string]Destination `yaml:"destinations"`

	// Accounts says what is known of accounts, by id: names for people, and labels by which events are routed. There may be
	// events of accounts that are not here.
	Accounts map[string]Account `yaml:"accounts"`

	// Attempts is how long attempts to tell can be looked up after what they were about is settled. Default 72h; 1h to 8760h.
	// They lie in the outbox, which has a row for each workflow and destination.
	Attempts time.Duration `yaml:"attempts"`
}

// Ingress is where webhooks arrive.
type Ingress struct {
	// Listen is the address, host:port, that providers reach. Default ":8080". It speaks HTTP: TLS ends before it.
	Listen string `yaml:"listen"`

	// MaxBody is the largest webhook accepted, for sources that do not say. Default 4MiB; 1KiB to 64MiB. Meta sends up
	// to 3 MB. A larger one is refused with 413, and so is one that fits neither in Temporal nor in storage.
	MaxBody Size `yaml:"max_body"`

	// MaxInFlight bounds the bodies held in memory, over all requests; who comes on top is asked to try again later.
	// Default 64MiB; at most 16GiB, and as much as the largest max_body needs: bodies over 64KiB may use three quarters of
	// it, so that small ones always find room, and the smallest counts for 8KiB.
	MaxInFlight Size `yaml:"max_in_flight"`

	// MaxConnections is how many connections may be open at once; who comes on top waits. Default 4096; 16 to 1000000.
	// Each takes a file descriptor. Times 8KiB it should stay below max_in_flight: then no crowd of connections fills that
	// only by being there.
	MaxConnections int `yaml:"max_connections"`

	// Grouping decides what happens to message traffic that arrives while a workflow is being started: "on", the default,
	// takes all of it into the next workflow, up to 100 webhooks; "off" starts one workflow for each webhook, at any
	// rate, which costs about ten times as much. What is urgent (accounts, numbers, preferences, templates) has a workflow
	// of its own in any case, and so has every webhook of a quiet system.
	Grouping string `yaml:"grouping"`

	// Starts is how many workflow starts of message traffic may be under way at once. Default 4, or 8 without grouping; 1
	// to 256. The second begins only when 50 webhooks wait, the third when 100 do, and so on. More do not make Temporal
	// faster, only each of them slower.
	Starts int `yaml:"starts"`

	// HeaderTimeout is how long a client may take to send its headers. Default 5s; 1s to 1m.
	HeaderTimeout time.Duration `yaml:"header_timeout"`

	// ReadTimeout is how long a client may take to send a whole body. Default 10s; 1s to 5m. It frees what slow clients
	// hold. Whoever sends nothing at all for 3s is not waited for any longer.
	ReadTimeout time.Duration `yaml:"read_timeout"`

	// IdleTimeout is how long a connection may stay open between requests. Default 2m; 1s to 1h. It should be longer
	// than that of the proxy in front, or the proxy meets closed connections.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
}

// Metrics is where operators and their monitoring look. It is not for the internet, but for their network only: whoever
// reaches it may read it.
type Metrics struct {
	// Listen is the address, host:port, of /metrics, /healthz, /readyz in detail, /refused, and /debug/pprof; of a worker also of
	// /api/destinations, /api/attempts and /api/events/{id}, which tell as JSON what the commands tell. Default ":9090".
	Listen string `yaml:"listen"`
}

// Codec is the endpoint at which the Temporal UI has payloads made readable.
type Codec struct {
	// Listen is its address, host:port. Off when empty, the default: it shows payloads to whoever reaches it.
	Listen string `yaml:"listen"`

	// Origins are the web origins, such as https://temporal.example.com, that may ask from a browser. Default none.
	Origins []string `yaml:"origins"`
}

// Temporal says how to reach Temporal. What is empty is decided by the TEMPORAL_* variables and the temporal.toml that
// the temporal command uses as well; TLS, API keys and headers are set there only.
type Temporal struct {
	// Address of the frontend, host:port.
	Address string `yaml:"address"`
	// Namespace holds the workflows. Its retention should be at least as long as dedupe.
	Namespace string `yaml:"namespace"`
	// Profile of temporal.toml.
	Profile string `yaml:"profile"`
	// UI is the address of the Temporal UI, such as https://temporal.example.com, for links in messages to people. Default
	// none: then there are no links.
	UI string `yaml:"ui"`
	// TaskQueue is the queue that ingress and workers share. Default "holdfast".
	TaskQueue string `yaml:"task_queue"`
}

// An Account is a WhatsApp business account as its owner knows it.
type Account struct {
	// Name is what people call it, in messages to them. Default: its id.
	Name string `yaml:"name"`

	// Tenant is whose it is, where there are several. It is a label as well, named tenant.
	Tenant string `yaml:"tenant"`

	// Labels are for routing: names with values, such as team: payments.
	Labels map[string]string `yaml:"labels"`
}

// State is the database of accounts, phones, preferences and events.
type State struct {
	// URL of the database: sqlite:FILE, or postgres://USER:PASSWORD@HOST/DATABASE. Default "sqlite:holdfast.db", in the
	// working directory. SQLite serves one process on one machine; several need PostgreSQL.
	URL signature.Secret `yaml:"url"`
}

// Storage keeps payloads that are too large for Temporal: webhooks of some megabytes that do not compress. Histories only
// refer to them then. Either dir or s3 is set, the same for every process of an installation. Without any, what does not
// fit in 1.5 MiB after compression is refused with 413.
//
// What is stored is needed for as long as Temporal keeps its workflow, and is removed after that. It is part of what a
// backup should hold.
type Storage struct {
	// Dir is a directory for it, made if it is not there. Several machines need one that they share.
	Dir string `yaml:"dir"`

	// S3 is a bucket for it instead.
	S3 S3 `yaml:"s3"`

	// Threshold is the size, after compression, from which a payload is stored here. Default 256KiB; 16KiB to 1MiB. What
	// is smaller stays in the history, where the Temporal UI shows it at once.
	Threshold Size `yaml:"threshold"`
}

// S3 is a bucket in Amazon S3, or in what speaks its protocol.
type S3 struct {
	// Endpoint is the URL of the service. Default https://s3.amazonaws.com.
	Endpoint string `yaml:"endpoint"`

	// Region of the bucket. Default: the bucket is asked, which takes the permission s3:GetBucketLocation.
	Region string `yaml:"region"`

	// Bucket is its name. Required. It must exist; what is needed there is s3:GetObject, s3:PutObject, s3:DeleteObject
	// and s3:ListBucket. Let no lifecycle rule remove objects: they are needed for as long as workflows are kept.
	Bucket string `yaml:"bucket"`

	// Prefix is put before the name of every object: letters, digits and / . _ -, at most 256. Default none.
	Prefix string `yaml:"prefix"`

	// AccessKey and SecretKey are the credentials. Default: those of the AWS_* variables, of ~/.aws/credentials, or of the
	// machine, container or pod.
	AccessKey signature.Secret `yaml:"access_key"`
	// SecretKey belongs to AccessKey.
	SecretKey signature.Secret `yaml:"secret_key"`

	// PathStyle puts the bucket into the path of URLs and not before the host's name, as many servers other than
	// Amazon's need it. Default false, where it is guessed.
	PathStyle bool `yaml:"path_style"`
}

// RequireSources is an error for a program that receives webhooks but has no source to receive them from.
func (c *Config) RequireSources() error {
	if len(c.Sources) == 0 {
		return errors.New("no sources are configured: nobody could send anything")
	}
	return nil
}

// String names what is configured and shows nothing of it: paths and URLs may be all that somebody needs to know.
func (c Config) String() string {
	var sources []string
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		sources = append(sources, fmt.Sprintf("%s (%s)", name, c.Sources[name]))
	}
	destinations := slices.Sorted(maps.Keys(c.Destinations))
	return "sources: " + cmp.Or(strings.Join(sources, ", "), "none") +
		"; destinations: " + cmp.Or(strings.Join(destinations, ", "), "none")
}

// LogValue is the same as String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
