package guestagent

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// instanceFolder has what the guest remembers of its instance: the files of its disk, as they were when the instance
// was new.
const instanceFolder = "/var/lib/tiny/instance"

// instance is what the disk with instance data says.
type instance struct {
	metadata metadata
	user     userData
	network  network
	// isNew tells that the guest has not seen this instance before.
	isNew bool
}

// documents are the three files of instance data, in the order in which loadInstance needs them.
type documents struct {
	metadata, userData, network []byte
}

// locations are the labels of file systems with instance data, and where the documents are.
var locations = map[string][3]string{
	"cidata":   {"meta-data", "user-data", "network-config"},
	"config-2": {"openstack/latest/meta_data.json", "openstack/latest/user_data", "openstack/latest/network_data.json"},
}

// loadInstance reads the disk with instance data, or what is remembered of the instance. A document that is wrong is as
// good as empty, and part of the error.
func loadInstance() (instance, error) {
	read, found, err := readInstanceDisk()
	if err != nil || !found {
		return instance{}, err
	}
	var errs []error
	made := instance{}
	made.metadata, err = parseMetadata(read.metadata)
	errs = append(errs, err)
	identity := filepath.Join(instanceFolder, "instance-id")
	if made.isNew = attribute(identity) != made.metadata.InstanceID || made.metadata.InstanceID == ""; made.isNew {
		errs = append(errs, remember(read, identity, made.metadata.InstanceID))
	} else if kept, err := os.ReadFile(filepath.Join(instanceFolder, "network-config")); err == nil {
		read.network = kept
	}
	made.user, err = parseUserData(read.userData)
	errs = append(errs, err)
	made.network, err = parseNetwork(read.network)
	return made, errors.Join(append(errs, err)...)
}

func remember(read documents, identity, id string) error {
	if err := os.MkdirAll(instanceFolder, 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(instanceFolder, "network-config"), read.network, 0o600),
		os.WriteFile(identity, []byte(id+"\n"), 0o600))
}

// readInstanceDisk reads the documents from the first disk that has the label of one with instance data.
func readInstanceDisk() (documents, bool, error) {
	for _, device := range blockDevices("/sys") {
		files, known := locations[labelOf("/dev/"+device.name)]
		if !known {
			continue
		}
		const mountPoint = "/run/instance-data"
		if err := os.MkdirAll(mountPoint, 0o700); err != nil {
			return documents{}, false, err
		}
		if err := unix.Mount("/dev/"+device.name, mountPoint, "iso9660", unix.MS_RDONLY, ""); err != nil {
			return documents{}, false, fmt.Errorf("mount %s with instance data: %w", device.name, err)
		}
		var contents [3][]byte
		for i, name := range files {
			// Each of them may be missing.
			contents[i], _ = os.ReadFile(filepath.Join(mountPoint, name))
		}
		return documents{contents[0], contents[1], contents[2]}, true, unix.Unmount(mountPoint, 0)
	}
	return documents{}, false, nil
}

func labelOf(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return "" // A drive without a medium.
	}
	defer file.Close()
	descriptor := make([]byte, identifierStart+identifierLength)
	if _, err := file.ReadAt(descriptor, volumeDescriptor); err != nil {
		return ""
	}
	return volumeLabel(descriptor)
}

// nameHost sets the host's name.
func (i *instance) nameHost() error {
	const remembered = "/etc/hostname"
	name := i.user.Hostname
	if name == "" {
		name = i.metadata.LocalHostname
	}
	name, _, _ = strings.Cut(name, ".")
	var err error
	if i.isNew && name != "" {
		err = os.WriteFile(remembered, []byte(name+"\n"), 0o644)
	} else {
		name = attribute(remembered)
	}
	hosts := fmt.Sprintf("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n", name)
	return errors.Join(err, unix.Sethostname([]byte(name)), os.WriteFile("/run/hosts", []byte(hosts), 0o644))
}

// makeUsers adds those that are not there.
func (i *instance) makeUsers() error {
	var errs []error
	for number := range i.user.users {
		if err := makeUser(&i.user.users[number]); err != nil {
			errs = append(errs, fmt.Errorf("user %s: %w", i.user.users[number].Name, err))
		}
	}
	return errors.Join(errs...)
}

func makeUser(wanted *user) error {
	known, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	if bytes.Contains(known, []byte("\n"+wanted.Name+":")) || bytes.HasPrefix(known, []byte(wanted.Name+":")) {
		return errors.New("the image has this user, and its password stays")
	}
	const firstID = 1000
	id := firstID + bytes.Count(known, []byte("\n"))
	home := wanted.HomeDirectory
	if home == "" {
		home = "/home/" + wanted.Name
	}
	password := wanted.password
	if wanted.PlainTextPasswd != "" {
		hashed, err := exec.Command("mkpasswd", "-m", "sha512", wanted.PlainTextPasswd).Output()
		if err != nil {
			return fmt.Errorf("hash the password: %w", err)
		}
		password = strings.TrimSpace(string(hashed))
		if wanted.locked() {
			password = "!" + password
		}
	}
	return errors.Join(
		appendLine("/etc/passwd", fmt.Sprintf("%s:x:%d:%d::%s:/bin/sh", wanted.Name, id, id, home)),
		appendLine("/etc/group", fmt.Sprintf("%s:x:%d:", wanted.Name, id)),
		appendLine("/etc/shadow", fmt.Sprintf("%s:%s:1:0:99999:7:::", wanted.Name, password)),
		os.MkdirAll(home, 0o755), os.Chown(home, id, id))
}

func appendLine(path, line string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(line + "\n")
	return errors.Join(err, file.Close())
}

func (i *instance) writeFiles() error {
	var errs []error
	for number := range i.user.WriteFiles {
		file := &i.user.WriteFiles[number]
		if err := writeFile(file); err != nil {
			errs = append(errs, fmt.Errorf("write_files: %w", err))
		}
	}
	return errors.Join(errs...)
}

func writeFile(wanted *writtenFile) error {
	if err := os.MkdirAll(filepath.Dir(wanted.Path), 0o755); err != nil {
		return err
	}
	how := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if wanted.Append {
		how = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	file, err := os.OpenFile(wanted.Path, how, wanted.mode)
	if err != nil {
		return err
	}
	_, err = file.Write(wanted.content)
	return errors.Join(err, file.Chmod(wanted.mode), file.Close())
}

// runCommands runs what user-data says, to its end.
func (i *instance) runCommands() error {
	text := i.user.commands()
	if text == "" {
		return nil
	}
	const script, output = "/run/user-commands", "/run/user-commands.log"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		return err
	}
	written, err := os.Create(output)
	if err != nil {
		return err
	}
	defer written.Close()
	command := exec.Command(script)
	command.Dir = "/"
	command.Stdout, command.Stderr = written, written
	if err := command.Run(); err != nil {
		return fmt.Errorf("the commands of user-data failed: %w: see %s", err, output)
	}
	return nil
}

// apply gives the guest what its instance data says, up to the commands.
func (i *instance) apply() error {
	err := i.nameHost()
	if i.isNew {
		err = errors.Join(err, i.makeUsers(), i.writeFiles())
	}
	return err
}

// report writes an error to the log and to the serial console, where a test sees it beside the boot.
func report(err error) {
	if err == nil {
		return
	}
	log.Print(err)
	console, openErr := os.OpenFile("/dev/ttyS0", os.O_WRONLY|unix.O_NOCTTY, 0)
	if openErr != nil {
		return
	}
	defer console.Close()
	fmt.Fprintf(console, "tiny: %s\n", strings.ReplaceAll(err.Error(), "\n", "\ntiny: "))
}
