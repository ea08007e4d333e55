// Starts Redoc on this server's own description, in the fonts of the reader's system.
Redoc.init(
  "/openapi.json",
  {
    hideDownloadButtons: false,
    sortRequiredPropsFirst: true,
    theme: {
      typography: {
        fontFamily: "system-ui, sans-serif",
        headings: { fontFamily: "system-ui, sans-serif" },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  document.getElementById("redoc"),
);
