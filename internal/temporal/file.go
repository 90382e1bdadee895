package temporal

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// A FileCodec makes files of values in the way in which a history holds them: compressed, and whatever else the converter
// does.
type FileCodec struct{ Converter converter.DataConverter }

// Encode returns a value as a file holds it.
func (c FileCodec) Encode(v any) ([]byte, error) {
	payload, err := c.Converter.ToPayload(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	data, err := proto.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return data, nil
}

// Decode reads what Encode returned into the value that v points to.
func (c FileCodec) Decode(data []byte, v any) error {
	var payload commonpb.Payload
	if err := proto.Unmarshal(data, &payload); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if err := c.Converter.FromPayload(&payload, v); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}
