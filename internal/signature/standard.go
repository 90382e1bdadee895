package signature

import (
	"bytes"
	"crypto/ed25519"
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
	sharedPrefix  = "whsec_" // of keys that both sides have
	privatePrefix = "whsk_"  // of keys that only we have
	publicPrefix  = "whpk_"  // of what receivers have of these

	sharedVersion  = "v1"
	privateVersion = "v1a"
)

// A StandardKey signs the notifications that we send, as Standard Webhooks 1.0.0 prescribes: over id, time and body. It has one
// of two schemes: v1, an HMAC-SHA256 with a key that the receiver has as well, or v1a, an ed25519 signature that the receiver
// can check and not make. It is made by [ParseStandardKey] or [ParseStandardPublicKey] and prints as "[secret]".
type StandardKey struct {
	shared  []byte             // of v1
	private ed25519.PrivateKey // of v1a, unless only the public one is known
	public  ed25519.PublicKey
}

func (k StandardKey) String() string               { return redacted }
func (k StandardKey) GoString() string             { return redacted }
func (k StandardKey) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (k StandardKey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// ParseStandardKey reads a key as the specification writes it: "whsec_" and the base64 of 24 to 64 random bytes for v1, or
// "whsk_" and that of an ed25519 key for v1a: of its seed of 32 bytes, or of these and the 32 of the public key. The error holds
// nothing of the secret.
func ParseStandardKey(s Secret) (StandardKey, error) {
	text := string(s)
	switch {
	case strings.HasPrefix(text, sharedPrefix):
		return sharedKey(text)
	case strings.HasPrefix(text, privatePrefix):
		return privateKey(text)
	case strings.HasPrefix(text, publicPrefix):
		return StandardKey{}, fmt.Errorf("%q begins a key for receivers: to sign takes the one that begins with %q", publicPrefix, privatePrefix)
	}
	return StandardKey{}, fmt.Errorf("a signing key begins with %q, or %q", sharedPrefix, privatePrefix)
}

func sharedKey(text string) (StandardKey, error) {
	key, err := decodeKey(text, sharedPrefix)
	if err != nil {
		return StandardKey{}, err
	}
	if len(key) < 24 || len(key) > 64 {
		return StandardKey{}, fmt.Errorf("a signing key is 24 to 64 bytes long, this one is %d", len(key))
	}
	return StandardKey{shared: key}, nil
}

func privateKey(text string) (StandardKey, error) {
	key, err := decodeKey(text, privatePrefix)
	if err != nil {
		return StandardKey{}, err
	}
	if len(key) != ed25519.SeedSize && len(key) != ed25519.PrivateKeySize {
		return StandardKey{}, fmt.Errorf("an ed25519 key is 32 or 64 bytes long, this one is %d", len(key))
	}
	private := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
	if len(key) == ed25519.PrivateKeySize && !bytes.Equal(key, private) {
		return StandardKey{}, errors.New("the two halves of this ed25519 key do not belong together")
	}
	return StandardKey{private: private, public: private.Public().(ed25519.PublicKey)}, nil
}

// ParseStandardPublicKey reads a key that receivers have: "whpk_" and the base64 of an ed25519 public key. It verifies, and
// signs nothing.
func ParseStandardPublicKey(text string) (StandardKey, error) {
	if !strings.HasPrefix(text, publicPrefix) {
		return StandardKey{}, fmt.Errorf("a public key begins with %q", publicPrefix)
	}
	key, err := decodeKey(text, publicPrefix)
	if err != nil {
		return StandardKey{}, err
	}
	if len(key) != ed25519.PublicKeySize {
		return StandardKey{}, fmt.Errorf("an ed25519 public key is 32 bytes long, this one is %d", len(key))
	}
	return StandardKey{public: key}, nil
}

func decodeKey(text, prefix string) ([]byte, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(text[len(prefix):])
	if err != nil { // where it stops being base64 is nobody's business
		return nil, fmt.Errorf("what follows %q is not base64", prefix)
	}
	return key, nil
}

// Public is what a receiver needs to check signatures of scheme v1a, "whpk_…"; "" for a key of v1, which is shared. It is no
// secret.
func (k StandardKey) Public() string {
	if k.public == nil {
		return ""
	}
	return publicPrefix + base64.StdEncoding.EncodeToString(k.public)
}

// Sign returns one signature for the webhook-signature header, "v1,<base64>" or "v1a,<base64>". The time is that of the
// attempt; the header webhook-timestamp must say the same in Unix seconds. The id must not contain a dot. A public key
// returns "".
func (k StandardKey) Sign(id string, at time.Time, body []byte) string {
	before := id + "." + strconv.FormatInt(at.Unix(), 10) + "."
	switch {
	case k.shared != nil:
		return sharedVersion + "," + base64.StdEncoding.EncodeToString(k.sum(before, body))
	case k.private != nil:
		return privateVersion + "," + base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, append([]byte(before), body...)))
	}
	return ""
}

func (k StandardKey) sum(before string, body []byte) []byte {
	h := hmac.New(sha256.New, k.shared)
	h.Write([]byte(before))
	h.Write(body)
	return h.Sum(nil)
}

// made reports whether a signature of this scheme was made with the key.
func (k StandardKey) made(version string, signature []byte, before string, body []byte) bool {
	switch version {
	case sharedVersion:
		return k.shared != nil && hmac.Equal(signature, k.sum(before, body))
	case privateVersion:
		return k.public != nil && ed25519.Verify(k.public, append([]byte(before), body...), signature)
	}
	return false
}

// Why [VerifyStandard] refuses.
var (
	ErrStandardMalformed = errors.New("webhook-id, webhook-timestamp or webhook-signature is missing or malformed")
	ErrStandardTime      = errors.New("webhook-timestamp is further from now than allowed")
	ErrStandardMismatch  = errors.New("no signature was made with this key")
)

// VerifyStandard checks the headers webhook-id, webhook-timestamp and webhook-signature over a body. Of the signatures,
// which are separated by spaces, one must match one of the keys; versions other than v1 and v1a are passed over. The time may
// be as far from now as tolerance allows, either way.
func VerifyStandard(keys []StandardKey, id, timestamp, signatures string, body []byte, now time.Time, tolerance time.Duration) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" || signatures == "" {
		return ErrStandardMalformed
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return ErrStandardTime
	}
	before := id + "." + timestamp + "."
	for text := range strings.SplitSeq(signatures, " ") {
		version, encoded, _ := strings.Cut(text, ",")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(keys, func(k StandardKey) bool { return k.made(version, signature, before, body) }) {
			return nil
		}
	}
	return ErrStandardMismatch
}
