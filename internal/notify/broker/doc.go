// Package broker has what destinations that are brokers have in common: how an event is written, what names may be made of
// it, TLS, one connection for all attempts, and what it means when that fails.
package broker
