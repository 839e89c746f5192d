import { createTheme } from '@mantine/core'

/** No font of our own: the system's are there at once and ask nobody. */
export const theme = createTheme({
  primaryColor: 'indigo',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '650' },
  defaultRadius: 'md',
  autoContrast: true,
  respectReducedMotion: true,
  components: {
    Badge: { defaultProps: { tt: 'none', radius: 'sm' } },
    Anchor: { defaultProps: { underline: 'always' } },
  },
})
