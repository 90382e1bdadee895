package config

// Spool is where an ingress keeps webhooks on disk that Temporal could not take yet. They are started as soon as it does.
type Spool struct {
	// Dir is its directory, made if there is none, on a disk that outlives the process: what is in it was answered 200.
	// One process uses it at a time. Default "holdfast-spool", in the working directory.
	Dir string `yaml:"dir"`

	// MaxBytes is what it may hold. Default 1GiB; 16MiB to 1024GiB. Message traffic may use seven eighths of it, so that
	// there is room for what is urgent. Whoever comes when it is full, and Temporal away, is answered 503. A status of a
	// message takes about 1KiB: 1GiB lasts 15 minutes at 1,000 webhooks a second.
	MaxBytes Size `yaml:"max_bytes"`
}
