package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	standardPrefix  = "whsec_"
	standardVersion = "v1,"
)

// A StandardKey signs the notifications that we send: scheme v1 of Standard Webhooks 1.0.0, an HMAC-SHA256 over id,
// time and body. It is made by [ParseStandardKey] and prints as "[secret]".
type StandardKey struct{ key []byte }

func (k StandardKey) String() string               { return redacted }
func (k StandardKey) GoString() string             { return redacted }
func (k StandardKey) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (k StandardKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// ParseStandardKey reads a key as the specification writes it: "whsec_" and the base64 of 24 to 64 random bytes. The
// error holds nothing of the secret.
func ParseStandardKey(s Secret) (StandardKey, error) {
	text, ok := strings.CutPrefix(string(s), standardPrefix)
	if !ok {
		return StandardKey{}, fmt.Errorf("a signing key begins with %q", standardPrefix)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil { // where it stops being base64 is nobody's business
		return StandardKey{}, fmt.Errorf("what follows %q is not base64", standardPrefix)
	}
	if len(key) < 24 || len(key) > 64 {
		return StandardKey{}, fmt.Errorf("a signing key is 24 to 64 bytes long, this one is %d", len(key))
	}
	return StandardKey{key}, nil
}

// Sign returns one signature for the webhook-signature header, "v1,<base64>". The time is that of the attempt; the
// header webhook-timestamp must say the same in Unix seconds. The id must not contain a dot.
func (k StandardKey) Sign(id string, at time.Time, body []byte) string {
	return standardVersion + base64.StdEncoding.EncodeToString(k.sum(id, strconv.FormatInt(at.Unix(), 10), body))
}

func (k StandardKey) sum(id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, k.key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Why [VerifyStandard] refuses.
var (
	ErrStandardMalformed = errors.New("webhook-id, webhook-timestamp or webhook-signature is missing or malformed")
	ErrStandardTime      = errors.New("webhook-timestamp is further from now than allowed")
	ErrStandardMismatch  = errors.New("no signature was made with this key")
)

// VerifyStandard checks the headers webhook-id, webhook-timestamp and webhook-signature over a body. Of the signatures,
// which are separated by spaces, one must match one of the keys; versions other than v1 are passed over. The time may
// be as far from now as tolerance allows, either way.
func VerifyStandard(keys []StandardKey, id, timestamp, signatures string, body []byte, now time.Time, tolerance time.Duration) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" || signatures == "" {
		return ErrStandardMalformed
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return ErrStandardTime
	}
	for signature := range strings.SplitSeq(signatures, " ") {
		text, ok := strings.CutPrefix(signature, standardVersion)
		if !ok {
			continue
		}
		mac, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(keys, func(k StandardKey) bool { return hmac.Equal(mac, k.sum(id, timestamp, body)) }) {
			return nil
		}
	}
	return ErrStandardMismatch
}
