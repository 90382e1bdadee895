// Package temporal connects Holdfast to a Temporal server: payloads, metrics, the namespace and its search attributes.
package temporal

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/klauspost/compress/zstd"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// compressFrom is the size from which payloads are compressed. A single webhook stays as it is, so that the Temporal UI
// shows it without a codec endpoint; groups and large ones shrink to a fraction.
const compressFrom = 2 << 10

// encodingZstd marks a compressed payload. It stands in histories: it is never changed.
const encodingZstd = "binary/zstd"

// maxDecoded bounds what a payload may grow to when it is decompressed, so that a small one cannot fill the memory.
const maxDecoded = 64 << 20

// Converter is the data converter of every client, worker and replayer of Holdfast.
func Converter() (converter.DataConverter, error) {
	codec, err := newZstdCodec()
	if err != nil {
		return nil, err
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec), nil
}

// A zstdCodec compresses payloads over a size. It is safe for concurrent use.
type zstdCodec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newZstdCodec() (*zstdCodec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("make compressor: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxDecoded))
	if err != nil {
		return nil, fmt.Errorf("make decompressor: %w", err)
	}
	return &zstdCodec{encoder, decoder}, nil
}

// Encode compresses what gains by it.
func (c *zstdCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		out[i] = p
		if len(p.GetData()) < compressFrom {
			continue
		}
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("marshal payload: %w", err)
		}
		if packed := c.encoder.EncodeAll(plain, nil); len(packed) < len(p.GetData()) {
			out[i] = &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encodingZstd)}, Data: packed}
		}
	}
	return out, nil
}

// Decode restores what Encode compressed, and leaves other payloads as they are.
func (c *zstdCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		out[i] = p
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encodingZstd {
			continue
		}
		plain, err := c.decoder.DecodeAll(p.GetData(), nil)
		if err != nil {
			return nil, fmt.Errorf("decompress payload: %w", err)
		}
		out[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, out[i]); err != nil {
			return nil, fmt.Errorf("unmarshal payload: %w", err)
		}
	}
	return out, nil
}

// CodecHandler serves the codec to the Temporal UI, whose pages have one of the origins ("http://127.0.0.1:8233"): with
// it, the UI shows compressed payloads as they were. It decodes for whoever reaches it, so it belongs on loopback or
// behind a proxy that asks who is there.
func CodecHandler(origins []string) (http.Handler, error) {
	codec, err := newZstdCodec()
	if err != nil {
		return nil, err
	}
	handler := converter.NewPayloadCodecHTTPHandler(codec)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" {
			if !slices.Contains(origins, origin) {
				http.Error(w, "origin not allowed", http.StatusForbidden)
				return
			}
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Content-Type, X-Namespace, Authorization")
			h.Set("Vary", "Origin")
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxDecoded)
		handler.ServeHTTP(w, r)
	}), nil
}
