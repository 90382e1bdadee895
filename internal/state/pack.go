package state

import (
	"bytes"
	"encoding/hex"
)

// The ids of events and webhooks are hashes, written as 32 hexadecimal digits. The log keeps them as the 16 bytes that they
// are: its indexes are half as large, and compare bytes, whatever the collation. An id of another form is kept as it is,
// after bytes that make it longer or shorter than 16.
const (
	eventPrefix = "evt_"
	hashLength  = 16
)

func packEvent(id string) []byte { return pack(id, eventPrefix) }

func packWebhook(id string) []byte { return pack(id, "") }

func unpackEvent(key []byte) string {
	if len(key) == hashLength {
		return eventPrefix + hex.EncodeToString(key)
	}
	return string(bytes.TrimLeft(key, "\x00"))
}

func pack(id, prefix string) []byte {
	if len(id) == len(prefix)+2*hashLength && id[:len(prefix)] == prefix {
		if hash, err := hex.DecodeString(id[len(prefix):]); err == nil && prefix+hex.EncodeToString(hash) == id {
			return hash
		}
	}
	switch len(id) {
	case 0:
		return []byte{} // the database refuses it
	case hashLength - 1:
		return append([]byte{0, 0}, id...)
	}
	return append([]byte{0}, id...)
}
