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

// What payloads that are decoded together may grow to in sum, so that small ones cannot fill the memory: those of one
// workflow or activity here, those of one request to the codec endpoint there.
const (
	maxDecoded = 64 << 20
	maxAnswer  = 32 << 20
)

// maxRequest bounds a request to the codec endpoint. Temporal takes no payload over 2 MiB, and no message over 4.
const maxRequest = 8 << 20

// Converter is the data converter of every client, worker and replayer of Holdfast.
func Converter() (converter.DataConverter, error) {
	codec, err := newZstdCodec(maxDecoded)
	if err != nil {
		return nil, err
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec), nil
}

// A zstdCodec compresses payloads over a size. It is safe for concurrent use.
type zstdCodec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
	most    int // bytes that one Decode makes
}

func newZstdCodec(most int) (*zstdCodec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("make compressor: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("make decompressor: %w", err)
	}
	return &zstdCodec{encoder, decoder, most}, nil
}

// Encode compresses what gains by it. What Decode would refuse for its size stays as it is, so that whoever measures it
// sees that it is too large.
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
		if len(plain) > c.most {
			continue
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
	room := c.most
	for i, p := range payloads {
		out[i] = p
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encodingZstd {
			continue
		}
		plain, err := c.decompress(p.GetData(), room)
		if err != nil {
			return nil, fmt.Errorf("decompress payload: %w", err)
		}
		room -= len(plain)
		out[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, out[i]); err != nil {
			return nil, fmt.Errorf("unmarshal payload: %w", err)
		}
	}
	return out, nil
}

// decompress restores at most so many bytes. What Encode compressed says how many it is: memory is set aside for no
// more, and whoever says less than is true is refused.
func (c *zstdCodec) decompress(packed []byte, most int) ([]byte, error) {
	var header zstd.Header
	if err := header.Decode(packed); err != nil {
		return nil, err
	}
	if !header.HasFCS || header.FrameContentSize > uint64(most) {
		return nil, zstd.ErrDecoderSizeExceeded
	}
	return c.decoder.DecodeAll(packed, make([]byte, 0, header.FrameContentSize))
}

// CodecHandler serves the codec to the Temporal UI, whose pages have one of the origins ("http://127.0.0.1:8233"): with
// it, the UI shows compressed payloads as they were, and those in storage when somebody asks for one. It decodes for
// whoever reaches it, so it belongs on loopback or behind a proxy that asks who is there. What one request may send, and
// be answered, is bounded, and nothing is ever stored.
func CodecHandler(origins []string, storage converter.ExternalStorage) (http.Handler, error) {
	codec, err := newZstdCodec(maxAnswer)
	if err != nil {
		return nil, err
	}
	handler, err := converter.NewPayloadHTTPHandler(converter.PayloadHTTPHandlerOptions{
		PreStorageCodecs: []converter.PayloadCodec{codec}, ExternalStorage: readOnly(storage),
	})
	if err != nil {
		return nil, fmt.Errorf("make codec endpoint: %w", err)
	}
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
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		handler.ServeHTTP(w, r)
	}), nil
}
