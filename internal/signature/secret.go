// Package signature holds the few ways in which webhooks are signed, for the providers that verify and for the
// notifications that we sign ourselves.
package signature

import "log/slog"

// A Secret is a text that proves something to those who know it. It prints as "[secret]" wherever it is printed,
// logged or marshalled; string(s) is the text itself.
type Secret string

const redacted = "[secret]"

func (s Secret) String() string               { return redacted }
func (s Secret) GoString() string             { return redacted }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
