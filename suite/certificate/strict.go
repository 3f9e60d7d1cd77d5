package certificate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// decodeStrict reads one JSON value that means the same to every reader.
// encoding/json takes members twice, in any case, and bytes that are no UTF-8;
// what one reader skips there another believes.
func decodeStrict(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	if err := noDuplicates(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	return sameMembers(data, v)
}

// noDuplicates checks that data is one value in which no object has two members
// of a name.
func noDuplicates(data []byte) error {
	// First the whole, which also bounds how deep it is.
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return uniqueMembers(dec)
}

// uniqueMembers reads one value.
func uniqueMembers(dec *json.Decoder) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := make(map[json.Token]bool)
	for dec.More() {
		if open == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			if seen[name] {
				return fmt.Errorf("the member %q is there twice", name)
			}
			seen[name] = true
		}
		if err := uniqueMembers(dec); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the end
	return err
}

// sameMembers checks that v, written again, has what data has: neither names in
// another case, nor members that are missing.
func sameMembers(data []byte, v any) error {
	again, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var want, got any
	if err := json.Unmarshal(again, &want); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &got); err != nil {
		return err
	}
	if !reflect.DeepEqual(want, got) {
		return errors.New("its members are not those of its schema")
	}
	return nil
}
