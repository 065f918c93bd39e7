package guestagent

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// metadata is the file meta-data of a NoCloud disk, or meta_data.json of a ConfigDrive.
type metadata struct {
	InstanceID    string `json:"instance-id"`
	LocalHostname string `json:"local-hostname"`
	Hostname      string `json:"hostname"`
	UUID          string `json:"uuid"`
}

func parseMetadata(content []byte) (metadata, error) {
	var parsed metadata
	if err := yaml.Unmarshal(content, &parsed); err != nil {
		return metadata{}, fmt.Errorf("meta-data: %w", err)
	}
	if parsed.InstanceID == "" {
		parsed.InstanceID = parsed.UUID
	}
	if parsed.LocalHostname == "" {
		parsed.LocalHostname = parsed.Hostname
	}
	return parsed, nil
}

// userData is what a #cloud-config document can say to this guest.
type userData struct {
	Hostname   string            `json:"hostname"`
	Users      []json.RawMessage `json:"users"`
	WriteFiles []writtenFile     `json:"write_files"`
	RunCommand []command         `json:"runcmd"`

	users  []user
	script string
}

// user is an entry of users. Its groups, keys and rights are left out: the only login of this guest is the serial
// console, which asks for none.
type user struct {
	Name            string `json:"name"`
	Shell           string `json:"shell"`
	Passwd          string `json:"passwd"`
	HashedPasswd    string `json:"hashed_passwd"`
	PlainTextPasswd string `json:"plain_text_passwd"`
	LockPasswd      *bool  `json:"lock_passwd"`
	PrimaryGroup    string `json:"primary_group"`
	HomeDirectory   string `json:"homedir"`

	password string // as /etc/shadow has it
}

// writtenFile is an entry of write_files.
type writtenFile struct {
	Path        string          `json:"path"`
	Content     string          `json:"content"`
	Encoding    string          `json:"encoding"`
	Permissions json.RawMessage `json:"permissions"`
	Append      bool            `json:"append"`

	content []byte
	mode    os.FileMode
}

// command is an entry of runcmd as a line of a shell script.
type command string

// UnmarshalJSON takes a line of a shell script, or a list of a program and its arguments.
func (c *command) UnmarshalJSON(content []byte) error {
	var line string
	if json.Unmarshal(content, &line) == nil {
		*c = command(line)
		return nil
	}
	var words []any
	if err := json.Unmarshal(content, &words); err != nil {
		return fmt.Errorf("a command is neither a line nor a list: %s", content)
	}
	quoted := make([]string, 0, len(words))
	for _, word := range words {
		quoted = append(quoted, "'"+strings.ReplaceAll(fmt.Sprint(word), "'", `'\''`)+"'")
	}
	*c = command(strings.Join(quoted, " "))
	return nil
}

// parseUserData reads a #cloud-config document or a script. It is empty for an empty document.
func parseUserData(content []byte) (userData, error) {
	text := string(content)
	first, _, _ := strings.Cut(text, "\n")
	switch {
	case strings.TrimSpace(text) == "":
		return userData{}, nil
	case strings.HasPrefix(first, "#!"):
		return userData{script: text}, nil
	case strings.TrimSpace(first) != "#cloud-config":
		return userData{},
			fmt.Errorf("user-data begins with %.40q: the tiny guest knows #cloud-config and scripts; use the "+
				"Debian guest", first)
	}
	var parsed userData
	if err := yaml.Unmarshal(content, &parsed); err != nil {
		return userData{}, fmt.Errorf("user-data: %w", err)
	}
	for i := range parsed.WriteFiles {
		if err := parsed.WriteFiles[i].decode(); err != nil {
			return userData{}, fmt.Errorf("user-data: write_files: %w", err)
		}
	}
	for _, entry := range parsed.Users {
		made, err := parseUser(entry)
		if err != nil {
			return userData{}, fmt.Errorf("user-data: users: %w", err)
		}
		if made != nil {
			parsed.users = append(parsed.users, *made)
		}
	}
	return parsed, nil
}

// parseUser is nil for "default": this image has no default user.
func parseUser(entry json.RawMessage) (*user, error) {
	var name string
	if json.Unmarshal(entry, &name) == nil {
		if name == "default" {
			return nil, nil
		}
		return &user{Name: name, password: "!"}, nil
	}
	var parsed user
	if err := json.Unmarshal(entry, &parsed); err != nil {
		return nil, err
	}
	if parsed.Name == "" || strings.ContainsAny(parsed.Name, ":\n/") {
		return nil, fmt.Errorf("%q is no name of a user", parsed.Name)
	}
	switch {
	case parsed.HashedPasswd != "":
		parsed.password = parsed.HashedPasswd
	case parsed.Passwd != "":
		parsed.password = parsed.Passwd
	default:
		parsed.password = "!"
	}
	// cloud-init locks a password unless it is told otherwise.
	if (parsed.LockPasswd == nil || *parsed.LockPasswd) && !strings.HasPrefix(parsed.password, "!") {
		parsed.password = "!" + parsed.password
	}
	return &parsed, nil
}

// locked tells whether a password of the user would not let anybody in.
func (u *user) locked() bool { return u.LockPasswd == nil || *u.LockPasswd }

const defaultFileMode = 0o644

func (f *writtenFile) decode() error {
	if !strings.HasPrefix(f.Path, "/") {
		return fmt.Errorf("path %q does not begin with /", f.Path)
	}
	switch f.Encoding {
	case "", "text/plain":
		f.content = []byte(f.Content)
	case "b64", "base64":
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(f.Content), ""))
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		f.content = decoded
	default:
		return fmt.Errorf("%s: encoding %q is not known to the tiny guest; use base64", f.Path, f.Encoding)
	}
	f.mode = defaultFileMode
	if len(f.Permissions) == 0 || string(f.Permissions) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(f.Permissions, &text) != nil {
		// YAML 1.1 reads 0644 without quotes as an octal number.
		var number uint32
		if err := json.Unmarshal(f.Permissions, &number); err != nil {
			return fmt.Errorf("%s: permissions %s are no octal number", f.Path, f.Permissions)
		}
		f.mode = os.FileMode(number)
		return nil
	}
	mode, err := strconv.ParseUint(text, 8, 12)
	if err != nil {
		return fmt.Errorf("%s: permissions %q are no octal number", f.Path, text)
	}
	f.mode = os.FileMode(mode)
	return nil
}

// commands is a shell script of all that user-data runs; empty if it runs nothing.
func (d *userData) commands() string {
	if len(d.RunCommand) == 0 {
		return d.script
	}
	var script strings.Builder
	script.WriteString("#!/bin/sh\n")
	for _, line := range d.RunCommand {
		script.WriteString(string(line) + "\n")
	}
	return script.String()
}
