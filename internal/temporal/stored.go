package temporal

import (
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// MaxStored is the size of a payload, after compression, that may be stored outside of a history: what comes back must
// still be decoded.
const MaxStored = maxDecoded

// readOnly is a storage for somebody nobody knows: it stores nothing, and gives no more at once than one answer may have.
func readOnly(storage converter.ExternalStorage) converter.ExternalStorage {
	for i, driver := range storage.Drivers {
		if i == 0 {
			storage.Drivers = nil // not the caller's
		}
		storage.Drivers = append(storage.Drivers, boundedDriver{driver, maxAnswer})
	}
	storage.DriverSelector = noDriver{}
	return storage
}

// noDriver leaves every payload where it is.
type noDriver struct{}

// SelectDriver selects none.
func (noDriver) SelectDriver(converter.StorageDriverSelectContext, *commonpb.Payload) (converter.StorageDriver, error) {
	return nil, nil
}

// A boundedDriver retrieves so many bytes at once.
type boundedDriver struct {
	converter.StorageDriver
	most int
}

var errTooMuch = errors.New("more stored payloads than one answer may have")

// Retrieve asks for one after the other, so that no more than one is too much.
func (d boundedDriver) Retrieve(ctx converter.StorageDriverRetrieveContext, claims []converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	var out []*commonpb.Payload
	room := d.most
	for _, claim := range claims {
		got, err := d.StorageDriver.Retrieve(ctx, []converter.StorageDriverClaim{claim})
		if err != nil {
			return nil, err
		}
		for _, p := range got {
			if room -= len(p.GetData()); room < 0 {
				return nil, errTooMuch
			}
		}
		out = append(out, got...)
	}
	return out, nil
}
