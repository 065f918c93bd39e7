package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/novasphere/wukong/e2e/devcluster/image"
)

func newImageCommand() *cobra.Command {
	var binary, reference, user, out string
	var compress bool
	command := &cobra.Command{
		Use:   "image --binary FILE --ref NAME:TAG --out ARCHIVE",
		Short: "Make an image of one static binary on nothing, without a container engine",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			entrypoint := "/" + filepath.Base(binary)
			config := image.Config{User: user, Entrypoint: []string{entrypoint}, Compress: compress}
			files := map[string]image.File{entrypoint: {Source: binary, Mode: 0o755}}
			if err := image.FromFiles(out, reference, config, files); err != nil {
				return err
			}
			fmt.Fprintf(command.OutOrStdout(), "%s\n", out)
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&binary, "binary", "", "static binary to run")
	flags.StringVar(&reference, "ref", "", "name and tag of the image")
	flags.StringVar(&user, "user", "65532", "user (numeric, since there is no /etc/passwd)")
	flags.StringVar(&out, "out", "", "archive to write (OCI image layout in a tar file, which docker load reads too)")
	flags.BoolVar(&compress, "gzip", false, "compress the layer")
	for _, name := range []string{"binary", "ref", "out"} {
		if err := command.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that was defined above
		}
	}
	return command
}
